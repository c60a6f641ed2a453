// Light highlighting: comments, strings, numbers and keywords, which is what the eye looks for. One regular expression
// per family of languages, each linear in the length of the code.

const words = (text) => new Set(text.split(" "));

const common = words(
  "as async await break case catch class const continue default defer delete do else enum export extends extension " +
    "false finally fn for from func function guard if impl import in init interface internal is let loop match mod " +
    "mut new nil null package private protocol pub public return self static struct super switch this throw throws " +
    "trait true try type typeof undefined use var void where while yield int float double char bool string unsigned " +
    "signed long short template typename namespace using virtual override final abstract go chan map range some any");
const python = words(
  "and as assert async await break class continue def del elif else except False finally for from global if import in " +
    "is lambda None nonlocal not or pass raise return True try while with yield match case self");
const shell = words("if then else elif fi for while until do done case esac function in return local export exit set");
const query = words(
  "select from where insert into values update set delete create table index view drop alter join left right inner " +
    "outer on as and or not null is in group by order having limit offset union all distinct case when then end with");
const none = words("true false null");

const number = "\\b(?:0[xX][0-9a-fA-F_]+|\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)\\b";
const quoted = '"(?:[^"\\\\\\n]|\\\\.)*"|\'(?:[^\'\\\\\\n]|\\\\.)*\'';
const word = "[A-Za-z_$][\\w$]*";

/** The expression of a family: its groups are comment, string, number and word. */
function expression(comment, string) {
  return new RegExp(`(${comment})|(${string})|(${number})|(${word})`, "g");
}

const slashes = expression("//[^\\n]*|/\\*[^]*?(?:\\*/|$)", `"""[^]*?(?:"""|$)|${quoted}|\`(?:[^\`\\\\]|\\\\.)*\``);
const hashes = expression("#[^\\n]*", `"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|${quoted}`);
const dashes = expression("--[^\\n]*|/\\*[^]*?(?:\\*/|$)", quoted);
const markup = expression("<!--[^]*?(?:-->|$)", quoted);

const families = new Map();
function family(names, pattern, keywords, anyCase = false) {
  for (const name of names.split(" ")) families.set(name, { pattern, keywords, anyCase });
}
family("c cc cpp c++ h hpp cs csharp css dart go java javascript js jsx kotlin kt objc php rs rust scala swift ts tsx typescript zig", slashes, common);
family("python py python3 rb ruby", hashes, python);
family("bash sh shell zsh console dockerfile make makefile toml yaml yml ini", hashes, shell);
family("sql", dashes, query, true);
family("html xml svg", markup, none);
family("json", slashes, none);

/** Nodes for this code: text, and spans of class comment, string, number and keyword. An unknown language is all text. */
export function highlight(code, language) {
  const found = families.get(language.toLowerCase());
  if (!found || code.length > 50_000) return [document.createTextNode(code)];
  const nodes = [];
  let end = 0;
  for (const match of code.matchAll(found.pattern)) {
    const name = match[4] !== undefined && found.anyCase ? match[4].toLowerCase() : match[4];
    const kind = match[1] !== undefined ? "comment"
      : match[2] !== undefined ? "string"
      : match[3] !== undefined ? "number"
      : found.keywords.has(name) ? "keyword" : null;
    if (kind === null) continue;
    if (match.index > end) nodes.push(document.createTextNode(code.slice(end, match.index)));
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = match[0];
    nodes.push(span);
    end = match.index + match[0].length;
  }
  if (end < code.length) nodes.push(document.createTextNode(code.slice(end)));
  return nodes;
}
