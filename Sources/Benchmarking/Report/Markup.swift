/// Text in XML and HTML.
package enum Markup {
  /// `text` so that it is only text, in an element or in an attribute with double or single quotes. Characters that XML
  /// does not allow become the replacement character.
  package static func escape(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{fffe}"..."\u{ffff}": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// `<name attributes>content</name>`; the content is markup already, the attributes' values are text.
  package static func element(_ name: String, _ attributes: [(String, String)] = [], _ content: String) -> String {
    "<" + name + attributes.map { " \($0.0)=\"\(escape($0.1))\"" }.joined() + ">" + content + "</" + name + ">"
  }

  /// `<name attributes/>`
  package static func empty(_ name: String, _ attributes: [(String, String)]) -> String {
    "<" + name + attributes.map { " \($0.0)=\"\(escape($0.1))\"" }.joined() + "/>"
  }

  /// A table; cells are text. The first column is a header of its row.
  package static func table(caption: String, _ header: [String], _ rows: [[String]]) -> String {
    let head = element("tr", header.map { element("th", [("scope", "col")], escape($0)) }.joined())
    let body = rows.map { row in
      element(
        "tr",
        row.indices.map { index in
          index == 0 ? element("th", [("scope", "row")], escape(row[index])) : element("td", escape(row[index]))
        }.joined())
    }.joined(separator: "\n")
    return element(
      "div", [("class", "table")],
      element("table", element("caption", escape(caption)) + element("thead", head) + element("tbody", body))) + "\n"
  }

  private static func element(_ name: String, _ content: String) -> String { element(name, [], content) }
}
