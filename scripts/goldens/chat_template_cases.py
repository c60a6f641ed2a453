"""Small templates, one construct each, for the golden file of the Jinja engine."""

CONTEXT = {
    "s": "Hello, World",
    "u": "Grüße 世界 👩‍🚀 e\u0301",
    "empty": "",
    "n": 7,
    "neg": -7,
    "f": 2.5,
    "t": True,
    "no": False,
    "nil": None,
    "list": [3, 1, 2],
    "words": ["banana", "Apple", "cherry"],
    "nested": [[1, 2], [3, [4]]],
    "d": {"b": 2, "a": 1, "items": "shadowed", "x y": None},
    "people": [
        {"name": "Ann", "age": 31, "city": {"name": "Bern"}, "tags": ["x", "y"]},
        {"name": "bob", "age": 25, "city": {"name": "Aarau"}, "tags": []},
        {"name": "Cleo", "age": 31, "city": {"name": "bern"}},
    ],
    "messages": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": " U "},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"k": "v"}}}]},
    ],
}

OUTPUT = """
{{ s }}|{{ u }}|{{ n }}|{{ neg }}|{{ f }}|{{ t }}|{{ no }}|{{ nil }}|{{ list }}|{{ nested }}|{{ d }}
{{ missing }}
{{ missing.attribute }}
{{ missing['x'] }}
{{ d.missing }}|{{ d['missing'] }}
{{ d.missing.more }}
{{ nil.x }}|{{ n.x }}|{{ s.x }}|{{ list.x }}
{{ nil.x.y }}
{{ [missing, nil, true, 1.0, 'a'] }}
{{ () }}|{{ (1,) }}|{{ (1, 2) }}|{{ 1, 2 }}
{{ {} }}|{{ {'a': 1, 2: 'b', none: [], true: 0.5, (1, 2): {}} }}
{{ {'a': 1, 'a': 2} }}|{{ {1: 'a', true: 'b', 1.0: 'c'} }}
{{ {[]: 1} }}
{{ ['it\\'s', "say \\"x\\"", 'both \\' "'] }}
{{ ['\\n\\t\\r\\\\', '\\x00\\x7f\\x1b', 'é\\xa0\\u200b\\U0001F600\\ue000'] }}
{{ [u] }}
{{ 'a' 'b' "c" }}
{{ '\\é\\q\\d' }}|{{ "\\101\\x41\\u0041" }}
{{ '\\ud800' }}
{{ '\\xZZ' }}
{{ 'line
break' }}
{{ 1_000 }}|{{ 0x1F }}|{{ 0b101 }}|{{ 0o17 }}|{{ 1e3 }}|{{ 1.5e-7 }}|{{ 1_0.2_5 }}|{{ 00 }}
{{ 007 }}
{{ 1.0 }}|{{ 0.1 }}|{{ 1e16 }}|{{ 1e15 }}|{{ 123456789012345680.0 }}|{{ 0.0001 }}|{{ 0.00001 }}|{{ 1e22 }}|{{ 1.7976931348623157e308 }}|{{ 5e-324 }}|{{ 100.0 }}|{{ 1e100 }}
{{ 0.1 + 0.2 }}|{{ 1/3 }}|{{ 2/1 }}|{{ 1e308 * 10 }}|{{ -1e308 * 10 }}|{{ 1e308 * 10 - 1e308 * 10 }}
{{ -0.0 }}|{{ 0 * -1.0 }}
{{ true }}|{{ True }}|{{ false }}|{{ False }}|{{ none }}|{{ None }}
{{ range(3) }}|{{ range(1, 3) }}|{{ range(5, 1, -2) }}|{{ range(3)|list }}
{{ d.items() }}|{{ d.keys() }}|{{ d.values() }}
{{ d.items }}
{{ d['items'] }}
{{ 'a' if t }}|{{ 'a' if no }}|{{ 'a' if no else 'b' }}|{{ 'a' if no else 'b' if no else 'c' }}
{{ ('a' if no).x }}
{{ [1,2,3,] }}|{{ {'a':1,} }}
{{ namespace(a=1) }}
{% print 1, 'a' %}{% print n %}
{{ joiner().x }}|{{ cycler(1).current }}
{{ 1 if }}
{{ }}
{{ 1 2 }}
{{ (1 }}
{{ 1) }}
{{ [1, 2 }}
{{ 'abc }}
{{ a b }}
{{ n ! }}
{{ n ? }}
{{ 1 + }}
{{ ; }}
{{ a.1x }}
{{ list.0 }}|{{ nested.1.1.0 }}
{{ 1.5.x }}
"""

OPERATORS = """
{{ 1 + 2 * 3 - 4 / 2 }}|{{ (1 + 2) * 3 }}|{{ 7 // 2 }}|{{ -7 // 2 }}|{{ 7 // -2 }}|{{ 7 % 3 }}|{{ -7 % 3 }}|{{ 7 % -3 }}
{{ 2 ** 10 }}|{{ 2 ** -1 }}|{{ 2 ** 3 ** 2 }}|{{ -2 ** 2 }}|{{ 4 ** 0.5 }}|{{ 0 ** 0 }}|{{ 2.0 ** 3 }}
{{ 7.5 // 2 }}|{{ -7.5 // 2 }}|{{ 7.5 % 2 }}|{{ -7.5 % 2 }}|{{ 7.5 % -2 }}|{{ -0.0 // 1 }}|{{ 6.0 % 3 }}|{{ 6.0 % -3 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ 1.0 / 0 }}
{{ 0.0 ** -1 }}
{{ 10.0 ** 400 }}
{{ true + true }}|{{ true * 3 }}|{{ -true }}|{{ +true }}|{{ - - 1 }}|{{ -n }}|{{ +f }}
{{ 'a' + 'b' }}|{{ 'ab' * 3 }}|{{ 3 * 'ab' }}|{{ 'ab' * -1 }}|{{ 'ab' * true }}
{{ [1] + [2, 3] }}|{{ [1] * 3 }}|{{ 2 * [1, 2] }}|{{ (1,) + (2,) }}|{{ (1, 2) * 2 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ [1] - [1] }}
{{ 'a' * 'b' }}
{{ 'a' * 1.5 }}
{{ none + 1 }}
{{ missing + 1 }}
{{ 1 + missing }}
{{ missing * 2 }}
{{ missing ~ 'x' }}
{{ -missing }}
{{ -'a' }}
{{ +none }}
{{ {} + {} }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1] ~ missing }}
{{ 1 ~ 2 + 3 }}|{{ 1 + 2 ~ 3 }}|{{ 1 ~ 2 * 3 }}
{{ 1 == 1.0 }}|{{ 1 == true }}|{{ 0 == false }}|{{ '1' == 1 }}|{{ none == false }}|{{ none == none }}|{{ '' == false }}
{{ [1, 2] == [1, 2.0] }}|{{ [1] == (1,) }}|{{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}|{{ {1: 2} == {1: 3} }}
{{ missing == missing2 }}|{{ missing == none }}|{{ missing != '' }}
{{ 'é' == 'e\\u0301' }}|{{ 'é' == '\\u00e9' }}|{{ {'é': 1}['e\\u0301'] }}|{{ 'e' in 'e\\u0301' }}
{{ 1 < 2 }}|{{ 1 <= 1.0 }}|{{ 'a' < 'b' }}|{{ 'Z' < 'a' }}|{{ [1, 2] < [1, 3] }}|{{ (1,) < (1, 0) }}|{{ true < 2 }}|{{ '' < 'a' }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ [1] < (2,) }}
{{ {} < {} }}
{{ missing < 1 }}
{{ 1 > missing }}
{{ 1 < 2 < 3 }}|{{ 1 < 3 < 2 }}|{{ 1 == 1 != 2 }}|{{ 3 > 2 >= 2 }}|{{ 1 < 2 in [2] }}
{{ 1 in list }}|{{ 9 in list }}|{{ 9 not in list }}|{{ 'ell' in s }}|{{ 'a' in d }}|{{ 'z' in d }}|{{ 1 in (1, 2) }}|{{ '' in '' }}
{{ 1 in 'abc' }}
{{ 1 in none }}
{{ 1 in 5 }}
{{ [] in d }}
{{ 1 in missing }}|{{ 2 in range(3) }}|{{ 1.0 in range(3) }}|{{ 5 in range(3) }}|{{ 'a' in d.keys() }}|{{ 2 in d.values() }}|{{ ('a', 1) in d.items() }}
{{ missing in [1] }}|{{ missing in 'abc' }}
{{ not t }}|{{ not 0 }}|{{ not not 'a' }}|{{ not not not 'a' }}|{{ not '' }}|{{ not [] }}|{{ not missing }}|{{ not none }}
{{ 1 and 2 }}|{{ 0 and 2 }}|{{ 0 or 'x' }}|{{ '' or none }}|{{ 1 or missing.x }}|{{ 0 and missing.x }}|{{ [] or {} or 'last' }}|{{ not 1 or 2 and 3 }}
{{ missing or 'fallback' }}|{{ missing and 'x' }}|{{ none or missing }}
{{ not 1 == 2 }}|{{ not 1 in [1] }}|{{ 1 not in [1] }}|{{ not (1 in [2]) }}
{{ n if n > 5 else 0 }}|{{ (n > 5) and 'big' }}|{{ 1 if 0 else 2 if 0 else 3 }}
{{ 2 if true if false else 3 }}
{{ (1, 2)[0] }}|{{ [1, 2][-1] }}|{{ [1, 2][5] }}|{{ [1, 2]['a'] }}|{{ 'abc'[1] }}|{{ 'abc'[-1] }}|{{ 'abc'[9] }}|{{ list[true] }}
{{ u[0] }}|{{ u[2] }}|{{ u[6:8] }}|{{ u[-1:] }}|{{ u[::-1][:3] }}|{{ u|length }}|{{ u[9:13]|length }}
{{ list[:2] }}|{{ list[1:] }}|{{ list[::-1] }}|{{ list[-2:] }}|{{ list[5:] }}|{{ list[::2] }}|{{ list[2:0:-1] }}|{{ list[:-1] }}|{{ list[-100:100] }}|{{ list[none:2] }}
{{ 'hello'[1:3] }}|{{ 'hello'[::-1] }}|{{ 'hello'[-3:-1] }}|{{ 'hello'[4:1:-2] }}|{{ 'hello'[:100] }}|{{ 'hello'[3:1] }}
{{ (1, 2, 3)[1:] }}|{{ range(10)[2:8:2] }}|{{ range(10)[-1] }}|{{ range(3)[5] }}|{{ range(10)[::-3]|list }}
{{ list[::0] }}
{{ list['a':] }}
{{ d[1:2] }}
{{ nil[1:] }}
{{ missing[1:] }}
{{ n[1:] }}
{{ list[missing:] }}
{{ d['a'] }}|{{ d["x y"] }}|{{ d.a }}|{{ d[missing] }}|{{ d[1] }}|{{ d[none] }}
{{ {1: 'i', none: 'n', 2.5: 'f', (1, 2): 't'}[1.0] }}|{{ {none: 'n'}[none] }}|{{ {(1, 2): 't'}[1, 2] }}|{{ {2.5: 'f'}[5 / 2] }}
{{ d[[]] }}
{{ people[0].city.name }}|{{ people[0]['city']['name'] }}|{{ people[-1].tags }}|{{ people[0].tags[1] }}
{{ 'abc'['upper']() }}|{{ list['index'](1) }}|{{ d['keys']()|list }}
{{ 9223372036854775807 }}|{{ -9223372036854775807 }}
{{ 1 is none or true }}|{{ 2 * 3 is divisibleby 3 }}
{{ 'a' 'b' ~ 'c' }}|{{ 'a' 'b'|upper }}|{{ -1|abs }}|{{ (-1)|abs }}|{{ 1 + -1|abs }}
{{ 'x' is string and 1 is number }}|{{ not 1 is none }}|{{ 1 is not none }}
"""

TESTS = """
{{ missing is defined }}|{{ s is defined }}|{{ d.zz is defined }}|{{ d.a is defined }}|{{ nil is defined }}|{{ missing is undefined }}|{{ missing is not defined }}
{{ missing.x is defined }}
{{ nil is none }}|{{ 0 is none }}|{{ missing is none }}|{{ s is string }}|{{ n is string }}|{{ missing is string }}
{{ d is mapping }}|{{ list is mapping }}|{{ list is sequence }}|{{ s is sequence }}|{{ d is sequence }}|{{ n is sequence }}|{{ missing is sequence }}|{{ (1,) is sequence }}|{{ range(2) is sequence }}|{{ d.items() is sequence }}|{{ nil is sequence }}
{{ list is iterable }}|{{ s is iterable }}|{{ n is iterable }}|{{ d is iterable }}|{{ missing is iterable }}|{{ nil is iterable }}|{{ d.items() is iterable }}|{{ (list|map('string')) is iterable }}
{{ n is number }}|{{ f is number }}|{{ t is number }}|{{ s is number }}|{{ n is integer }}|{{ t is integer }}|{{ f is integer }}|{{ f is float }}|{{ n is float }}
{{ t is boolean }}|{{ n is boolean }}|{{ t is true }}|{{ 1 is true }}|{{ no is false }}|{{ 0 is false }}|{{ t is false }}
{{ 3 is odd }}|{{ 2 is odd }}|{{ 2 is even }}|{{ -3 is odd }}|{{ 3.0 is odd }}|{{ 6 is divisibleby 3 }}|{{ 7 is divisibleby(3) }}|{{ true is odd }}
{{ 'a' is odd }}
{{ none is even }}
{{ missing is odd }}
{{ 5 is divisibleby 0 }}
{{ 1 is eq 1 }}|{{ 1 is equalto 1.0 }}|{{ 1 is ne 2 }}|{{ 1 is lt 2 }}|{{ 1 is gt 2 }}|{{ 1 is le 1 }}|{{ 1 is ge 2 }}|{{ 1 is lessthan 2 }}|{{ 1 is greaterthan 0 }}
{{ 1 is in [1, 2] }}|{{ 'a' is in 'abc' }}|{{ 3 is not in [1] }}|{{ 'a' is in d }}
{{ 'abc' is lower }}|{{ 'Abc' is lower }}|{{ 'ABC' is upper }}|{{ '123' is upper }}|{{ 'É1' is upper }}|{{ 5 is lower }}|{{ true is lower }}
{{ range is callable }}|{{ s.upper is callable }}|{{ s is callable }}|{{ missing is callable }}|{{ namespace is callable }}|{{ joiner() is callable }}|{{ cycler(1) is callable }}
{{ none is sameas none }}|{{ true is sameas true }}|{{ 1 is sameas true }}|{{ list is sameas list }}|{{ [1] is sameas [1] }}|{{ d is sameas d }}
{{ 'upper' is filter }}|{{ 'nope' is filter }}|{{ 'tojson' is filter }}|{{ 'odd' is test }}|{{ 'nope' is test }}|{{ 'equalto' is test }}|{{ '==' is test }}
{{ s is escaped }}|{{ s|e is escaped }}|{{ s|safe is escaped }}
{{ 1 is nosuchtest }}
{{ 1 is defined is defined }}
{{ 1 is defined(2) }}
{{ 1 is eq }}
{{ 'a' if s is string else 'b' }}|{{ s is string if true else 'x' }}
{{ x is defined and x }}|{{ not x is defined }}|{{ x is not defined or x }}
{{ n is divisibleby n }}|{{ n is eq(7) and true }}|{{ n is lt people[0].age }}
{{ [1, 2] is eq [1, 2] }}|{{ {} is eq {} }}|{{ 'a' is eq 'a' ~ 'b' }}
{% if no %}{{ 1 is nosuchtest }}{{ 1|nosuchfilter }}{% endif %}ok
{% if t %}{{ 1|nosuchfilter }}{% endif %}
{{ 1|nosuchfilter }}
{{ 'x' if t else 1|nosuchfilter }}
{{ 1|nosuchfilter if t else 'x' }}
{% if no %}{% for x in list %}{{ x|nosuchfilter }}{% endfor %}{% endif %}
{% if no %}{% for x in list|nosuchfilter %}{% endfor %}{% endif %}fine
"""

FILTERS = """
{{ -5|abs }}|{{ -2.5|abs }}|{{ true|abs }}
{{ 'a'|abs }}
{{ missing|abs }}
{{ d|attr('a') }}|{{ d|attr('keys') is callable }}|{{ s|attr('upper') is callable }}|{{ s|attr('nope') }}
{{ [1,2,3,4,5]|batch(2)|list }}|{{ [1,2,3]|batch(2, 'x')|list }}|{{ []|batch(3)|list }}|{{ [1,2]|batch(5, 0)|list }}
{{ 'hELLO wORLD'|capitalize }}|{{ ''|capitalize }}|{{ 'élan Été'|capitalize }}|{{ 5|capitalize }}|{{ 'ǆ'|capitalize }}
{{ 'ab'|center(6) }}|{{ 'abc'|center(6) }}|{{ 'ab'|center(5) }}|{{ 'abc'|center(4) }}|{{ 'abc'|center(2) }}|{{ 'x'|center|length }}
{{ list|count }}|{{ list|length }}|{{ s|length }}|{{ d|length }}|{{ missing|length }}|{{ range(5)|length }}|{{ d.items()|length }}
{{ 5|length }}
{{ none|length }}
{{ (list|map('string'))|length }}
{{ missing|default('x') }}|{{ missing|d('x') }}|{{ ''|default('x') }}|{{ ''|default('x', true) }}|{{ nil|default('x') }}|{{ nil|default('x', boolean=true) }}|{{ missing|default }}|{{ 0|d(5, true) }}|{{ missing|default(default_value='kw') }}
{{ missing.x|default('y') }}
{{ d|dictsort }}
{{ {'b': 1, 'A': 3, 'c': 2}|dictsort }}|{{ {'b': 1, 'A': 3, 'c': 2}|dictsort(true) }}|{{ {'b': 1, 'A': 3}|dictsort(by='value') }}|{{ {'b': 1, 'A': 3}|dictsort(reverse=true) }}|{{ {'b': 1, 'A': 3}|dictsort(false, 'value', true) }}
{{ {'a': 1, 2: 3}|dictsort }}
{{ list|dictsort }}
{{ {'a': 1}|dictsort(by='nope') }}
{{ '<a href="x">\\'&'|e }}|{{ '<'|escape }}|{{ '<'|e|e }}|{{ '<'|safe|e }}|{{ '<'|forceescape }}|{{ '<'|safe|forceescape }}|{{ 5|e }}
{{ ('<'|e) + '<' }}|{{ '<' + ('<'|safe) }}|{{ ('<'|e) ~ '<' }}|{{ '<'|safe|upper + '>' }}
{{ list|first }}|{{ s|first }}|{{ d|first }}|{{ []|first }}|{{ missing|first }}|{{ range(3)|first }}|{{ (list|map('string'))|first }}
{{ list|last }}|{{ s|last }}|{{ d|last }}|{{ []|last }}|{{ ''|last }}|{{ range(3)|last }}|{{ d.values()|last }}|{{ missing|last }}
{{ 5|first }}
{{ (list|map('string'))|last }}
{{ '1.5'|float }}|{{ 'x'|float }}|{{ 'x'|float(2) }}|{{ 3|float }}|{{ ' 2e3 '|float }}|{{ none|float }}|{{ 'inf'|float }}|{{ '-nan'|float }}|{{ '1_0.5'|float }}|{{ '.5'|float }}|{{ '5.'|float }}|{{ '1__0'|float }}|{{ '0x10'|float }}|{{ 'infinity'|float }}|{{ '+1e-3'|float }}|{{ [1]|float }}
{{ missing|float }}
{{ '%s-%d-%.2f'|format('a', 3, 1.005) }}|{{ '%(a)s %(b)05d'|format(a='x', b=42) }}|{{ '%%'|format }}
{{ '%s'|format }}
{{ 'x'|format(1) }}
{% for g in people|groupby('age') %}{{ g.grouper }}:{{ g.list|map(attribute='name')|join(',') }};{% endfor %}
{% for k, v in people|groupby('city.name') %}{{ k }}={{ v|length }};{% endfor %}|{% for k, v in people|groupby('city.name', case_sensitive=true) %}{{ k }}={{ v|length }};{% endfor %}
{% for k, v in people|groupby('nick', default='none') %}{{ k }}={{ v|length }};{% endfor %}|{{ [{'a':1}]|groupby('a') }}
{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb\\n\\nc'|indent(2, true) }}|{{ 'a\\nb\\n\\nc'|indent(2, blank=true) }}|{{ 'a\\nb'|indent('> ') }}|{{ 'a\\nb'|indent('> ', first=true) }}
{{ ''|indent(2) }}|{{ ''|indent(2, true) }}|{{ 'a\\n'|indent(2) }}|{{ 'a\\r\\nb'|indent(1) }}|{{ 'a\\n\\n'|indent(2, true, true) }}
{{ 5|indent }}
{{ none|indent }}
{{ '42'|int }}|{{ '42.7'|int }}|{{ 'x'|int }}|{{ 'x'|int(-1) }}|{{ '0x1f'|int(base=16) }}|{{ '1f'|int(0, 16) }}|{{ 3.9|int }}|{{ -3.9|int }}|{{ true|int }}|{{ none|int }}|{{ ' 7 '|int }}|{{ '1_000'|int }}|{{ '-5'|int }}|{{ '+5'|int }}|{{ ''|int }}|{{ [1]|int(9) }}|{{ '0b11'|int(0, 0) }}|{{ '٣'|int }}|{{ '1e3'|int }}|{{ 'nan'|int }}|{{ '077'|int }}|{{ '077'|int(1, 0) }}|{{ '5'|int(0, 99) }}
{{ missing|int }}
{{ ('1e999'|float)|int }}
{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}|{{ missing|items|list }}|{{ d|items|list }}
{{ list|items|list }}
{{ list|join }}|{{ list|join(', ') }}|{{ s|join('-') }}|{{ d|join(',') }}|{{ people|join(', ', attribute='name') }}|{{ [1, none, 'a', missing]|join('|') }}|{{ []|join }}|{{ list|join(1) }}|{{ people|join(d='/', attribute='city.name') }}|{{ missing|join }}
{{ 5|join }}
{{ s|list|length }}|{{ 'añ'|list }}|{{ d|list }}|{{ (1, 2)|list }}|{{ missing|list }}|{{ d.items()|list }}
{{ 5|list }}
{{ 'HeLLo ÉÀ İ'|lower }}|{{ 'straße ǆ ﬁ'|upper }}|{{ 'ΑΣ ΑΣΑ Σ'|lower }}|{{ 5|upper }}|{{ none|lower }}|{{ true|lower }}
{{ list|map('string')|list }}|{{ people|map(attribute='name')|list }}|{{ people|map(attribute='city.name')|join('-') }}|{{ people|map(attribute='nick', default='?')|join(',') }}|{{ words|map('upper')|join(' ') }}|{{ words|map('replace', 'a', 'o')|list }}|{{ [[1, 2], [3]]|map('first')|list }}|{{ [[1, 2], [3]]|map(attribute=0)|list }}|{{ missing|map('upper')|list }}|{{ ['a']|map('center', width=5)|list }}
{{ list|map('nosuch')|list }}
{{ list|map|list }}
{{ list|map('nosuch') is iterable }}
{{ list|map(attribute='x', foo=1)|list }}
{{ people|map(attribute='nick')|list }}|{{ people|map(attribute='tags.0')|list }}
{{ list|max }}|{{ list|min }}|{{ words|max }}|{{ words|min }}|{{ words|min(case_sensitive=true) }}|{{ people|max(attribute='age') }}|{{ []|max }}|{{ 'hello'|max }}
{{ [1, 'a']|max }}
{{ list|select('odd')|list }}|{{ list|reject('odd')|list }}|{{ [0, 1, '', 'a', none]|select|list }}|{{ [0, 1, '']|reject|list }}|{{ list|select('gt', 1)|list }}|{{ list|select('==', 1)|list }}|{{ list|select('in', [1, 2])|list }}|{{ words|select('eq', 'Apple')|list }}|{{ words|reject('equalto', 'Apple')|join }}
{{ messages|selectattr('role', 'equalto', 'user')|list }}|{{ messages|rejectattr('role', '==', 'system')|map(attribute='role')|list }}|{{ messages|selectattr('tool_calls', 'defined')|list|length }}|{{ messages|selectattr('tool_calls')|list|length }}|{{ people|selectattr('city.name', 'eq', 'Bern')|map(attribute='name')|first }}|{{ people|rejectattr('tags')|list|length }}|{{ (messages|selectattr('role', 'eq', 'system')|first).content }}
{{ list|select('nosuch')|list }}
{{ list|selectattr|list }}
{{ 'yes' if list|select('gt', 100) else 'no' }}|{{ 'yes' if list|select('gt', 100)|list else 'no' }}
{{ 'aXbXc'|replace('X', '-') }}|{{ 'aXbXc'|replace('X', '-', 1) }}|{{ 'abc'|replace('', '-') }}|{{ 'abc'|replace('', '-', 2) }}|{{ 'aaa'|replace('aa', 'b') }}|{{ 5|replace(5, 6) }}|{{ 'a.b'|replace('.', '') }}|{{ 'abc'|replace('b', '', count=0) }}|{{ ''|replace('', 'x') }}|{{ u|replace('世', '地') }}
{{ list|reverse|list }}|{{ 'añb'|reverse }}|{{ d|reverse|list }}|{{ range(3)|reverse|list }}|{{ (1, 2)|reverse|list }}|{{ (list|map('string'))|reverse|list }}|{{ d.items()|reverse|list }}
{{ 5|reverse }}
{{ 2.5|round }}|{{ 3.5|round }}|{{ 2.675|round(2) }}|{{ 42.55|round(1, 'floor') }}|{{ 42.51|round(1, 'ceil') }}|{{ 42|round }}|{{ 42|round(1, 'ceil') }}|{{ -2.5|round }}|{{ 1234.5|round(-2) }}|{{ 1250|round(-2) }}|{{ 1350|round(-2) }}|{{ 0.5|round }}|{{ 1e300|round(2) }}|{{ 2.5|round|int }}|{{ 25|round(-1) }}|{{ 1e-7|round(3) }}|{{ 0.15|round(1) }}|{{ true|round }}
{{ 'a'|round }}
{{ 1.5|round(method='nope') }}
{{ [1,2,3,4,5,6,7]|slice(3)|list }}|{{ [1,2,3,4]|slice(3, 'x')|list }}|{{ []|slice(2)|list }}
{{ list|sort }}|{{ list|sort(reverse=true) }}|{{ words|sort }}|{{ words|sort(case_sensitive=true) }}|{{ people|sort(attribute='age')|map(attribute='name')|join(',') }}|{{ people|sort(attribute='age,name')|map(attribute='name')|join(',') }}|{{ people|sort(attribute='age', reverse=true)|map(attribute='name')|join(',') }}|{{ 'hello'|sort|join }}|{{ d|sort }}|{{ people|sort(attribute='city.name')|map(attribute='name')|join(',') }}
{{ [1, 'a']|sort }}
{{ [none, 1]|sort }}
{{ 5|string }}|{{ none|string }}|{{ [1, 'a']|string }}|{{ 1.0|string }}|{{ missing|string }}|{{ true|string|length }}
{{ list|sum }}|{{ [1.5, 2]|sum }}|{{ people|sum(attribute='age') }}|{{ []|sum }}|{{ [[1], [2]]|sum(start=[]) }}|{{ [1]|sum(start=10) }}
{{ ['a']|sum }}
{{ ['a']|sum(start='') }}
{{ 'hello wORLD foo-bar (baz) it\\'s'|title }}|{{ 'ñandú éa'|title }}|{{ ''|title }}|{{ 'a<b>c[d{e'|title }}
{{ d|tojson }}|{{ list|tojson }}|{{ s|tojson }}|{{ u|tojson }}|{{ none|tojson }}|{{ true|tojson }}|{{ 1.0|tojson }}|{{ 1e100|tojson }}|{{ (1, 2)|tojson }}|{{ '"\\\\/<>&\\'\\n\\t\\x00\\x1f\\x7f'|tojson }}
{{ d|tojson(indent=2) }}
{{ nested|tojson(indent=1) }}|{{ []|tojson(indent=2) }}|{{ {}|tojson(indent=2) }}|{{ [[], {}]|tojson(indent=2) }}
{{ d|tojson(ensure_ascii=true) }}|{{ u|tojson(ensure_ascii=True) }}|{{ u|tojson(true) }}
{{ {'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true) }}|{{ {'b': 1, 'a': [1, 2]}|tojson(separators=(',', ':')) }}|{{ [1, 2]|tojson(indent='--') }}|{{ {'a': 1, 'b': 2}|tojson(indent=0) }}|{{ {'b': 1, 'a': [1]}|tojson(indent=4, separators=(' ,', ' : '), sort_keys=True) }}
{{ {1: 'a', none: 'b', true: 'c', 2.5: 'd'}|tojson }}|{{ ('1e999'|float)|tojson }}|{{ ('nan'|float)|tojson }}
{{ missing|tojson }}
{{ range(3)|tojson }}
{{ d.items()|tojson }}
{{ {(1, 2): 3}|tojson }}
{{ {1: 2, 'a': 3}|tojson(sort_keys=true) }}
{{ people|tojson }}
{{ [missing]|tojson }}
{{ '  x  '|trim }}|{{ 'xxaxx'|trim('x') }}|{{ 'abcba'|trim('ab') }}|{{ '\\u3000\\xa0x\\u2003'|trim }}|{{ 5|trim }}|{{ none|trim }}|{{ '\\n\\t x \\r\\n'|trim }}|{{ ''|trim }}|{{ 'x'|trim(none) }}|{{ 'éaé'|trim('é') }}|{{ '\\u200bx\\ufeff'|trim|length }}
{{ 'foo bar baz qux'|truncate(9) }}|{{ 'foo bar baz qux'|truncate(9, true) }}|{{ 'foo bar baz qux'|truncate(11) }}|{{ 'foo bar baz qux'|truncate(11, false, '...', 0) }}|{{ 'foobarbazquxfoobar'|truncate(9, end='…') }}|{{ s|truncate }}
{{ s|truncate(1) }}
{{ [1, 2, 1, 'a', 'A']|unique|list }}|{{ ['b', 'B', 'a']|unique(true)|list }}|{{ people|unique(attribute='age')|map(attribute='name')|list }}
{{ [[1], [1]]|unique|list }}
{{ 'a b/ü?&='|urlencode }}|{{ {'a b': 'c/d', 'e': 1}|urlencode }}|{{ [('a', 'ü')]|urlencode }}|{{ 5|urlencode }}
{{ 'one two, three-four it\\'s ünï_x 5'|wordcount }}|{{ ''|wordcount }}
{{ list|join(',', 'x', 'y') }}
{{ list|join(foo=1) }}
{{ s|upper(1) }}
{{ s|replace('a') }}
{{ s|default(1, 2, 3) }}
{{ s|trim|upper|replace('O', '0')|length }}|{{ (s|upper)[0] }}|{{ s|upper ~ 'x' }}|{{ s|list|first|upper }}
{{ list|sort|first + 1 }}|{{ list|length > 2 }}|{{ list|length * 2 }}|{{ not list|length == 3 }}
{{ x|default(y)|default('z') }}|{{ [1, 2]|map('string')|map('int')|sum }}|{{ range(5)|select('even')|map('string')|join('+') }}
"""

METHODS = """
{{ '  a '.strip() }}|{{ '  a '.lstrip() }}|{{ '  a '.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xya'.lstrip('yx') }}|{{ 'abb'.rstrip('b') }}|{{ 'a'.strip(none) }}|{{ '\\x1c\\x85a\\u2028'.strip() }}
{{ 'a b  c'.split() }}|{{ ' a  b '.split() }}|{{ 'a,b,,c'.split(',') }}|{{ 'a,b,c'.split(',', 1) }}|{{ ''.split() }}|{{ ''.split(',') }}|{{ 'a b c'.split(none, 1) }}|{{ 'a,b'.split(sep=',', maxsplit=0) }}|{{ ' a b c '.split(maxsplit=1) }}|{{ 'a--b--c'.split('--') }}|{{ 'aaaa'.split('aa') }}
{{ 'a,b,c'.rsplit(',', 1) }}|{{ 'a b c'.rsplit() }}|{{ ' a b c '.rsplit(none, 1) }}|{{ 'a,b,c'.rsplit(',') }}|{{ 'aaa'.rsplit('aa', 1) }}|{{ 'aaa'.rsplit('aa') }}
{{ 'a'.split('') }}
{{ 'a'.split(1) }}
{{ 'a\\nb\\r\\nc\\rd\\x0be\\x0cf\\x1cg\\x85h\\u2028i'.splitlines() }}|{{ 'a\\nb\\r\\nc\\n'.splitlines(true) }}|{{ ''.splitlines() }}|{{ '\\n'.splitlines() }}|{{ 'a\\n\\nb'.splitlines(keepends=true) }}
{{ s.startswith('Hell') }}|{{ s.startswith(('x', 'H')) }}|{{ s.endswith('ld') }}|{{ s.endswith(('x', 'd')) }}|{{ s.startswith('') }}|{{ s.startswith('ell', 1) }}|{{ s.endswith('Hell', 0, 4) }}|{{ s.startswith(()) }}
{{ s.startswith(['H']) }}
{{ s.startswith(1) }}
{{ s.startswith() }}
{{ s.upper() }}|{{ s.lower() }}|{{ s.title() }}|{{ s.swapcase() }}|{{ 'they\\'re bill\\'s'.title() }}|{{ 'a1b c-d ǆx'.title() }}|{{ 'ÉcOLE'.capitalize() }}|{{ 'ß'.upper() }}|{{ 'ABC'.casefold() }}
{{ 'aXbXc'.replace('X', '-') }}|{{ 'aXbXc'.replace('X', '-', 1) }}|{{ 'abc'.replace('', '.') }}|{{ 'abc'.replace('x', 'y') }}|{{ 'aaa'.replace('a', 'aa', -1) }}
{{ 'a'.replace(1, 2) }}
{{ 'a'.replace('a') }}
{{ ','.join(['a', 'b']) }}|{{ ''.join([]) }}|{{ '-'.join('abc') }}|{{ ','.join(d) }}|{{ ','.join(('x', 'y')) }}|{{ ','.join(words|map('upper')) }}
{{ ','.join([1]) }}
{{ ','.join(5) }}
{{ s.find('o') }}|{{ s.rfind('o') }}|{{ s.find('zz') }}|{{ s.find('o', 5) }}|{{ s.find('o', 0, 4) }}|{{ s.find('') }}|{{ s.rfind('') }}|{{ s.find('o', -4) }}|{{ u.find('界') }}|{{ u.rfind('e') }}|{{ s.find('', 99) }}
{{ s.index('o') }}|{{ s.rindex('o') }}|{{ s.count('o') }}|{{ s.count('l', 4) }}|{{ s.count('') }}|{{ 'aaaa'.count('aa') }}|{{ u.count('e') }}
{{ s.index('zz') }}
{{ '12'.isdigit() }}|{{ '1a'.isdigit() }}|{{ ''.isdigit() }}|{{ '²'.isdigit() }}|{{ '²'.isdecimal() }}|{{ '½'.isnumeric() }}|{{ 'é'.isalpha() }}|{{ 'a1'.isalpha() }}|{{ 'a1'.isalnum() }}|{{ ' \\t'.isspace() }}|{{ ''.isspace() }}|{{ 'AB1'.isupper() }}|{{ 'ab'.islower() }}|{{ '1'.islower() }}|{{ 'é'.isascii() }}|{{ 'a_1'.isidentifier() }}|{{ '1a'.isidentifier() }}|{{ 'a\\n'.isprintable() }}|{{ '世'.isalpha() }}
{{ '5'.zfill(3) }}|{{ '-5'.zfill(4) }}|{{ 'abc'.zfill(2) }}|{{ 'ab'.center(5) }}|{{ 'ab'.center(7, '*') }}|{{ 'abc'.center(6, '*') }}|{{ 'ab'.ljust(4) }}x|{{ 'ab'.rjust(4, '.') }}|{{ 'é'.ljust(3, '世') }}
{{ 'ab'.center(5, 'xx') }}
{{ 'test.py'.removesuffix('.py') }}|{{ 'test.py'.removeprefix('test') }}|{{ 'a'.removeprefix('b') }}|{{ 'a'.removesuffix('') }}
{{ 'a=b=c'.partition('=') }}|{{ 'a=b=c'.rpartition('=') }}|{{ 'abc'.partition('=') }}|{{ 'abc'.rpartition('=') }}
{{ '{} {}'.format(1, 'a') }}|{{ '{0} {1} {0}'.format('x', 'y') }}|{{ '{a} {b!r}'.format(a=1, b='q') }}|{{ '{{}}'.format() }}|{{ '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd') }}|{{ '{:.2f} {:05d} {:+d} {:,} {:x} {:#x} {:b} {:e} {:%}'.format(3.14159, 42, 7, 1234567, 255, 255, 5, 12345.678, 0.25) }}
{{ '{0[a]} {0.a} {1[0]}'.format({'a': 'v'}, [9]) }}|{{ '{:10.3}|'.format('abcdef') }}|{{ '{:g} {:g} {:.3g}'.format(1e10, 0.0001, 1234.5) }}|{{ '{:_}'.format(1234567) }}|{{ '{!s}'.format(none) }}|{{ '{:>6}'.format(2.5) }}|{{ '{:6.1f}|{:<6d}|{:^6}|{:=+6d}'.format(2.25, 3, 4, 5) }}
{{ '{}'.format() }}
{{ '{x}'.format(y=1) }}
{{ '{'.format(1) }}
{{ '{} {0}'.format(1, 2) }}
{{ '{:d}'.format('a') }}
{{ '%s %s' % (1, 'a') }}|{{ '%s' % 'x' }}|{{ '%s' % [1] }}|{{ '%d%%' % 50 }}|{{ '%(k)s' % {'k': 'v'} }}|{{ '%5s|%-5s|%05d|%+d|% d' % ('a', 'b', 42, 7, 7) }}|{{ '%.3f %e %g %G' % (3.14159, 12345.678, 1e-5, 1e10) }}|{{ '%x %X %o %#x %c %c' % (255, 255, 8, 255, 'a', 66) }}|{{ '%r' % 'a' }}|{{ '%*d' % (5, 42) }}|{{ '%.2s' % 'abc' }}|{{ '%i' % 3.9 }}|{{ '%s' % none }}|{{ '%5.1f|%-8.2f|%08.3f' % (2.25, 1.5, -3.14159) }}|{{ '%.0f %.0f %.1f' % (0.5, 1.5, 0.25) }}|{{ '%s' % missing }}
{{ '%s %s' % 'a' }}
{{ '%d' % 'a' }}
{{ '%s' % (1, 2) }}
{{ '%y' % 1 }}
{{ '%(k)s' % 'a' }}
{{ '%' % 1 }}
{{ list.index(1) }}|{{ list.count(3) }}|{{ list.copy() }}|{{ (1, 2, 1).count(1) }}|{{ (1, 2).index(2) }}|{{ list.index(2, 1) }}
{{ list.index(99) }}
{{ list.append(1) }}
{{ list.append }}|{{ list.pop is defined }}
{{ list.pop() }}
{{ list.sort() }}
{{ d.update({'x': 1}) }}
{{ d.pop('a') }}
{{ d.clear() }}
{{ d.setdefault('q', 1) }}
{{ d.get('a') }}|{{ d.get('zz') }}|{{ d.get('zz', 5) }}|{{ d.get('x y', 5) }}|{{ d.keys()|list }}|{{ d.values()|list }}|{{ d.copy() == d }}
{{ d.get() }}
{{ d.get([]) }}
{{ d.nosuch() }}
{{ s.nosuch() }}
{{ s() }}
{{ missing() }}
{{ n() }}
{{ s.upper(1) }}
{{ s.__class__ }}|{{ s.__class__ is defined }}|{{ d.__len__ }}
{{ s.__class__.__mro__ }}
{{ s.__len__() }}
{{ range(2, 8, 3)|list }}|{{ range(0)|list }}|{{ range(3, 0)|list }}|{{ range(2).start }}
{{ range(1, 2, 0) }}
{{ range() }}
{{ range('a') }}
{{ range(1.5) }}
{{ range(100001) }}
{{ range(100000)|length }}
{{ dict(a=1, b=2) }}|{{ dict({'a': 1}, b=2) }}|{{ dict([('x', 1), ['y', 2]]) }}|{{ dict() }}|{{ dict(d, a=9).a }}|{{ dict(**{'k': 'v'}) }}
{{ dict([1]) }}
{{ dict(1) }}
{{ raise_exception('boom') }}
{{ strftime_now('%Y-%m-%d %H:%M:%S') }}|{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%B %-d, %Y') }}|{{ strftime_now('%A %a %j %I %p %y %%') }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}
{{ cycler() }}
{% set j = joiner() %}{{ j() }}a{{ j() }}b{{ j() }}c|{% set k = joiner('+') %}{{ k() }}{{ k() }}
{{ range(*[1, 4])|list }}|{{ '{} {}'.format(*['a', 'b']) }}|{{ '{a}'.format(**{'a': 1}) }}
{{ range(*5) }}
{{ '{a}'.format(**[1]) }}
{{ dict(a=1, **{'a': 2}) }}
{{ dict(a=1, a=2) }}
{{ range(1, *[2], 3) }}
{{ f(a=1, 2) }}
"""

STATEMENTS = [
    "{% if t %}a{% elif no %}b{% else %}c{% endif %}",
    "{% if no %}a{% elif t %}b{% elif t %}x{% else %}c{% endif %}",
    "{% if no %}a{% elif nil %}b{% else %}c{% endif %}",
    "{% if no %}a{% endif %}|{% if missing %}b{% endif %}|{% if [] %}c{% endif %}|{% if ' ' %}d{% endif %}",
    "{% if t: %}colon{% endif %}",
    "{% if %}a{% endif %}",
    "{% if t %}a",
    "{% endif %}",
    "{% if t %}a{% endfor %}",
    "{% nosuchtag %}",
    "{% do list.append(1) %}",
    "{% 5 %}",
    "{% for x in list %}{{ x }},{% endfor %}",
    "{% for x in [] %}a{% else %}none{% endfor %}|{% for x in list %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in missing %}a{% else %}none{% endfor %}",
    "{% for x in none %}a{% endfor %}",
    "{% for x in 5 %}a{% endfor %}",
    "{% for c in 'añ世' %}[{{ c }}]{% endfor %}",
    "{% for k in d %}{{ k }};{% endfor %}|{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}",
    "{% for x in list %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
    "{% for x in [1,1,2,2,1] %}{{ loop.changed(x) }},{% endfor %}",
    "{% for x in list %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in list %}{{ loop.cycle() }}{% endfor %}",
    "{% for x in list %}{{ loop }}{% endfor %}",
    "{% for x in list %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.nosuch }}{% endfor %}",
    "{% for x in list %}{{ loop|length }}{{ loop.length }}{% endfor %}",
    "{% for x in list if x > 1 %}{{ x }}{{ loop.index }}{{ loop.last }};{% endfor %}",
    "{% for x in list if x > 1 %}{{ loop.length }}{{ loop.revindex }}{{ loop.nextitem }};{% endfor %}",
    "{% for x in list if x > 5 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in list if loop.index > 1 %}{{ x }}{% endfor %}",
    "{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}{{ b }};{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for a, b in [(1,)] %}{{ a }}{% endfor %}",
    "{% for a, b in [1] %}{{ a }}{% endfor %}",
    "{% for (a, b) in [(1, 2)] %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in list %}{% for y in list %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}",
    "{% for x in list %}{% break %}{% else %}none{% endfor %}ok",
    "{% break %}",
    "{% if t %}{% continue %}{% endif %}",
    "{% for x in list %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in list %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% for x in list %}{% filter upper %}a{{ x }}{% if x == 1 %}{% break %}{% endif %}{% endfilter %}{% endfor %}!",
    "{% for x in list %}{% set y %}{{ x }}{% if x == 1 %}{% continue %}{% endif %}{% endset %}{{ y }};{% endfor %}!",
    "{% for x in list %}{{ loop.index }}{% for y in list %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}",
    "{% for x in list %}{% for y in [loop.index] %}{{ y }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for x in list recursive %}{{ x }}{% endfor %}",
    "{% for x in nested recursive %}[{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}@{{ loop.depth }}{% endif %}]{% endfor %}",
    "{% for x in list %}{{ loop(x) }}{% endfor %}",
    "{% for x in list %}{% endfor %}{{ x }}|{{ loop }}",
    "{% set x = 9 %}{% for x in list %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 9 %}{% for y in list %}{% set x = y %}{{ x }}{% endfor %}{{ x }}",
    "{% for y in list %}{{ q }}{% set q = y %}{{ q }};{% endfor %}{{ q }}",
    "{% set q = 0 %}{% for y in list %}{% set q = q + y %}{{ q }};{% endfor %}{{ q }}",
    "{% for y in list %}{% if loop.first %}{% set z = y %}{% endif %}{{ z }};{% endfor %}",
    "{% for loop in list %}a{% endfor %}",
    "{% for x in list %}{% set loop = 1 %}{% endfor %}",
    "{% for x in list|map('string') %}{{ x }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% set g = list|map('string') %}{{ g|list }}{{ g|list }}",
    "{% for x in list|sort|reverse %}{{ x }}{% endfor %}",
    "{% for x in range(3), 5 %}{{ x }};{% endfor %}",
    "{% for x in list if x > 1 and x is odd %}{{ x }}{% endfor %}",
    "{% for x in (1, 2) if t else [] %}{{ x }}{% endfor %}",
    "{% set ns = namespace(on=true) %}{% for x in [1,2,3,4] if ns.on %}{{ x }}{% if x == 2 %}{% set ns.on = false %}{% endif %}{% endfor %}",
    "{% set x = 1 %}{{ x }}|{% set x, y = 1, 2 %}{{ x }}{{ y }}|{% set (a, b) = 'pq' %}{{ a }}{{ b }}|{% set t2 = 1, %}{{ t2 }}",
    "{% set x = y = 1 %}",
    "{% set x %}",
    "{% set x %}abc{% endset %}{{ x }}{{ x|length }}",
    "{% set x | upper | replace('B', '-') %}abc{{ n }}{% endset %}{{ x }}",
    "{% set x %}{% set inner = 5 %}{{ inner }}{% endset %}{{ x }}{{ inner }}",
    "{% set none = 1 %}",
    "{% set 5 = 1 %}",
    "{% set d.a = 1 %}",
    "{% set ns = namespace(a=1, b='x') %}{% set ns.a = ns.a + 1 %}{{ ns.a }}{{ ns.b }}{{ ns.c }}{% set ns.c = 3 %}{{ ns.c }}",
    "{% set ns = namespace() %}{% for x in list %}{% set ns.x = x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}{{ ns }}",
    "{% set ns = namespace(_a=1) %}",
    "{% set ns = namespace() %}{% set ns._a = 1 %}",
    "{% set ns = namespace() %}{% set ns.x, ns.y = 1, 2 %}{{ ns.x }}{{ ns.y }}",
    "{% set ns = namespace() %}{% set ns.t %}body{% endset %}{{ ns.t }}",
    "{% set missing.x = 1 %}",
    "{% set ns = namespace(a=1) %}{% for k in ns %}{% endfor %}",
    "{% set ns = namespace(items=5) %}{{ ns.items }}{{ ns is mapping }}{{ 'yes' if ns }}{{ ns.__class__ }}",
    "{% if t %}{% set v = 1 %}{% endif %}{{ v }}|{% if no %}{% set w = 1 %}{% endif %}{{ w }}|{{ w is defined }}",
    "{% if no %}{% set n = 1 %}{% endif %}{{ n }}",
    "{% set n = n + 1 %}{{ n }}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% set c = 3 %}{{ c }}{% endwith %}{{ a }}{{ c }}",
    "{% with %}{% set c = 3 %}{{ c }}{% endwith %}{{ c }}",
    "{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter replace('a', 'b')|upper %}aaa{% endfilter %}",
    "{% filter trim %}  {% for x in list %}{{ x }} {% endfor %}{% endfilter %}|",
    "{% filter nosuch %}a{% endfilter %}",
    "{% filter length %}abc{% endfilter %}",
    "{% macro m(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, 3) }}|{{ m(1, c='y') }}|{{ m(b=5, a=6) }}|{{ m() }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=1) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}|{{ m(1, 2) }}",
    "{% macro m(a=b, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}|{{ m(b=5) }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}|{{ m() }}",
    "{% macro m(a) %}{{ a }}{{ varargs|length }}{{ kwargs.x }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(x) %}{{ x }}{{ n }}{{ late }}{% endmacro %}{% set late = 'L' %}{{ m(1) }}",
    "{% macro m() %}{% set inner = 1 %}{{ inner }}{% endmacro %}{{ m() }}{{ inner }}",
    "{% macro fact(k) %}{% if k > 1 %}{{ k }}*{{ fact(k - 1) }}{% else %}1{% endif %}{% endmacro %}{{ fact(5) }}",
    "{% macro m() %}  a  {% endmacro %}[{{ m()|trim }}]{{ m()|length }}",
    "{% macro m() %}x{% endmacro %}{{ m }}|{{ m.name }}|{{ m is callable }}",
    "{% macro m(a) %}{{ caller() }}{{ a }}{% endmacro %}{% call m(1) %}body{{ n }}{% endcall %}",
    "{% macro m(xs) %}{% for x in xs %}{{ caller(x, loop.index) }};{% endfor %}{% endmacro %}{% call(v, i=0) m(list) %}{{ i }}:{{ v }}{% endcall %}",
    "{% macro m() %}{% if caller %}yes{{ caller() }}{% else %}no{% endif %}{% endmacro %}{{ m() }}{% call m() %}!{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}",
    "{% call s.upper() %}{% endcall %}",
    "{% call n %}{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{% set x = 1 %}{% call m() %}{% set x = 2 %}{{ x }}{% endcall %}{{ x }}",
    "{% macro outer() %}{% macro inner() %}i{% endmacro %}{{ inner() }}o{% endmacro %}{{ outer() }}{{ inner }}",
    "{% for x in list %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m(m) %}{{ m }}{% endmacro %}{{ m(5) }}",
    "{% macro m(a, a) %}{% endmacro %}",
    "{% macro m(a) %}{% set a = a ~ '!' %}{{ a }}{% endmacro %}{{ m('x') }}",
    "{% macro m(caller=5) %}{{ caller }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}{{ m(none) }}",
    "{% generation %}a{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}",
    "{% for x in list %}{% generation %}{{ x }}{{ loop.index }}{% endgeneration %}{% endfor %}",
    "{% raw %}{{ x }} {% if %} {# c #}{% endraw %}",
    "a\n  {% raw %}\n  b\n  {% endraw %}\nc",
    "a {%- raw -%} b {%- endraw -%} c",
    "{% raw %}a",
    "{% raw %}a{% endraw +%}\nb",
    "{# comment #}a{#- c -#} b {#+ d +#}\nc",
    "a{# unclosed",
    "a\n  {# c #}\nb",
    "a\n  {#- c #}\nb\n{# c -#}\n  d",
    "{# {% if %} {{ #}x",
    "{% extends 'x' %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% for x in list %}{% continue %}{% else %}none{% endfor %}|{% for x in list %}{% if x > 1 %}{% continue %}{% endif %}{% else %}none{% endfor %}",
    "{% macro m() %}{{ n }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% set v | length %}abc{% endset %}{{ v + 1 }}",
]

WHITESPACE = [
    "a\n{% if t %}\nb\n{% endif %}\nc\n",
    "a\n  {% if t %}\n  b\n  {% endif %}\nc\n\n",
    "a {% if t %} b {% endif %} c",
    "a\n  x {% if t %}\n  b{% endif %}\n",
    "a \n {%- if t -%} \n b \n {%- endif -%} \n c",
    "a\n  {%+ if t +%}\n  b\n  {%+ endif %}\nc",
    "a\n  {{ n }}\n  {{- n -}}  \n  b",
    "  {% if t %}a{% endif %}  \n  {% if t %}b{% endif %}  ",
    "{% if t %}\n\n\na{% endif %}\n\n",
    "\n\n{{ n }}\n\n",
    "{{ n }}\n",
    "{{ n }}\r\n",
    "a\r\nb\rc\n{{ n }}",
    "a\r\n{% if t %}\r\nb\r\n{% endif %}\r\nc",
    "{%- if t %} a{% endif -%}\n\t b",
    "\u00a0{%- if t -%}\u3000x{% endif %}",
    "\u3000{% if t %}x{% endif %}",
    "a\n\t {% set x = 1 %}\t\n{{ x }}",
    "{% for x in list %}\n  {{ x }}\n{% endfor %}\n",
    "{% for x in list -%}\n  {{ x }}\n{%- endfor %}\n",
    "{%- for x in list %}\n- {{ x }}\n{%- endfor %}",
    "{{'a'}}{{-'b'-}} {{ 'c' }}",
    "{%if t%}a{%endif%}",
    "{%-if t-%}a{%-endif-%}",
    "{{n-1}}|{{n -1}}|{{ n- 1 }}",
    "{{ 'a' -}}   \n\n b",
    "{{ '{{' }}{{ '%}' }}{{ \"}}\" }}",
    "{{ {'a': {'b': 1}} }}",
    "{{ {'a': {'b': 1}}['a']['b']}}",
    "{{{}}}",
    "{{ {}}}",
    "{ { n } } { % if % } {a} %} }} #}",
    "{",
    "{{",
    "{%",
    "a{",
    "{% if t %}{{ n }}{% else %}x{% endif %}\n{% if no %}y{% endif %}\nz",
    "{{ n\n+\n1 }}\n{% set\nq\n=\n5\n%}{{ q }}",
    "x\n    {% set a = 1 %}\n    {% set b = 2 %}\n{{ a }}{{ b }}",
    "x\n    {%- set a = 1 %}\n    {%- set b = 2 %}\n{{ a }}{{ b }}",
    "{{ '\\n' }}{% if t %}\n{% endif %}{{ '\\n' }}",
    "",
    "\n",
    " ",
    "{% if t -%}\n   {% endif %}x",
    "{% if t %}   {%- endif %}x",
    "  {{ n }}  {# c #}  \n  {# d #}\n  e",
    "a\n{# c #}   \nb",
    "{% set x = 'a' -%}    b",
    "{%+ set x = 'a' %}    b",
    "   {%+ set x = 'a' %}b",
    "{{+ n }}|{{ +n }}",
    "{{ n +}}",
    "{%- raw %}  x  {% endraw -%}   y",
    "a\n   {% raw %}x{% endraw %}",
]

CHAT = [
    "{% for m in messages %}<|{{ m.role }}|>{{ m['content'] }}{% if not loop.last %}\n{% endif %}{% endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{{ system }}{{ rest|length }}",
    "{% for m in messages %}{{ (m.content or '')|trim }}{% endfor %}",
    "{% for m in messages if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.name }}({{ c.function.arguments|tojson }}){% endfor %}{% endfor %}",
    "{% for m in messages %}{% if m.tool_calls is defined and m.tool_calls is not none %}T{% elif m.content is string %}S{% else %}?{% endif %}{% endfor %}",
    "{% for m in messages %}{% if 'tool_calls' in m %}T{% endif %}{{ m.get('content', 'd') }}{{ m.get('nope', 'd') }};{% endfor %}",
    "{% for c in messages[-1].tool_calls %}{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}{% endfor %}",
    "{% set ns = namespace(last=-1) %}{% for m in messages[::-1] %}{% if ns.last < 0 and m.role == 'user' %}{% set ns.last = messages|length - 1 - loop.index0 %}{% endif %}{% endfor %}{{ ns.last }}",
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}",
    "{% set content = 'a</think>b</think>c' %}{{ content.split('</think>')[-1] }}|{{ content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}",
    "{{ messages | map(attribute='role') | join(',') }}|{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | first | trim }}",
    "{{- '<|im_start|>' + messages[0].role + '\\n' -}} {{ messages[0].content }}",
    "{% set m = messages[1] %}{{ m.role.upper() }}{{ m['role'][0] }}{{ m.role[1:] }}{{ m.role|title }}",
    "{%- set date = date_string if date_string is defined else strftime_now('%d %b %Y') %}{{ date }}",
    "{%- macro render(v) -%}{%- if v is mapping -%}{ {%- for k, x in v.items() -%}{{ k }}:{{ render(x) }}{{ ',' if not loop.last }}{%- endfor -%} }{%- elif v is iterable and v is not string -%}[{%- for x in v -%}{{ render(x) }}{{ ',' if not loop.last }}{%- endfor -%}]{%- else -%}{{ v|tojson }}{%- endif -%}{%- endmacro -%}{{ render(people) }}",
    "{% for m in messages %}{{ m.content is none }}{{ m.content is string }}{{ m.content is iterable }};{% endfor %}",
    "{% if messages|selectattr('role', 'equalto', 'nobody')|list %}a{% else %}b{% endif %}",
    "{% set found = false %}{% for m in messages %}{% set found = true %}{% endfor %}{{ found }}",
    "{{ messages[0] }}{{ messages[-1]['tool_calls'][0] }}",
    "{{ messages[0].content + '\\n' + messages[2].content }}",
    "{{ messages[0].content ~ messages[2].content }}",
    "{{ messages[5].role }}",
    "{{ messages[5] is defined }}|{{ messages[-3].role }}",
    "{% for m in messages %}{% if loop.previtem is defined and loop.previtem.role == 'user' %}after user{% endif %}{% if loop.nextitem and loop.nextitem.role == 'user' %}before user {% endif %}{% endfor %}",
    "{{ {'type': 'object', 'properties': {'a': {'type': ['string', 'null']}}}|tojson(indent=4) }}",
    "{{ '%02d:%02d' % (7, 5) }} {{ 'v%s' | format('1') }} {{ '{:>8}'.format('x') }}",
]


def lines(text):
    """Cases are separated by line breaks; a line without a tag at its start continues the one before."""
    cases = []
    for line in text.strip("\n").split("\n"):
        if line.startswith(("{{", "{%", "{#")):
            cases.append(line)
        else:
            cases[-1] += "\n" + line
    return [case.replace("\\\\", "\\") for case in cases]


def split(case):
    """A line of alternatives is one case; every part between bars that is a whole template is one too."""
    parts = case.split("}}|{{")
    if len(parts) == 1:
        return [case]
    return [("" if i == 0 else "{{") + p + ("" if i == len(parts) - 1 else "}}") for i, p in enumerate(parts)]


CASES = []
for group in (OUTPUT, OPERATORS, TESTS, FILTERS, METHODS):
    for case in lines(group):
        CASES += split(case) if case.startswith("{{") else [case]
CASES += STATEMENTS + WHITESPACE + CHAT
CASES = list(dict.fromkeys(CASES))
