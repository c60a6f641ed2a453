/// The style of the report: one sheet inside the page, with colours for light and dark screens.
enum HTMLStyle {
  /// Number of colours of a plot.
  static let colourCount = 8

  private static let light = ["2f6fd0", "d9691e", "26936a", "a350a0", "b8901c", "cc4455", "3a9db3", "7a7f8a"]
  private static let dark = ["6ea4f5", "f0954f", "4cc596", "cf86cc", "e0be55", "f07c89", "6cc9dc", "a3a8b3"]

  private static func variables(_ colours: [String]) -> String {
    colours.enumerated().map { "--c\($0): #\($1);" }.joined(separator: " ")
  }

  /// The sheet. It has none of the characters that XML treats specially.
  static let sheet =
    """
    :root { color-scheme: light dark; --page: #fbfbfc; --ink: #1c2128; --soft: #5c6470; --line: #d9dde3; --card: #fff;
      \(variables(light)) }
    @media (prefers-color-scheme: dark) { :root { --page: #14171c; --ink: #e4e7ec; --soft: #9aa3b0; --line: #333a44;
      --card: #1b1f26; \(variables(dark)) } }
    body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
      max-width: 1360px; padding: 24px; }
    h1 { font-size: 26px; margin: 0; } h2 { font-size: 19px; margin: 32px 0 8px; } p { margin: 4px 0; }
    .soft, figcaption, caption { color: var(--soft); }
    .cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }
    .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 18px; }
    .card b { display: block; font-size: 22px; }
    .plots { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); }
    figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 0; padding: 12px; }
    svg { display: block; height: auto; width: 100%; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
    svg .tick, svg .label { fill: var(--soft); } svg .mark { font-size: 11px; }
    .grid { stroke: var(--line); } .axis { stroke: var(--soft); }
    .table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 8px 0; }
    caption { text-align: left; } th, td { border-bottom: 1px solid var(--line); padding: 3px 12px; text-align: right; }
    th { font-weight: 600; } th:first-child { padding-left: 0; text-align: left; } code { font-size: 13px; }
    \((0..<colourCount).map { ".fill\($0) { fill: var(--c\($0)); } .stroke\($0) { fill: none; stroke: var(--c\($0)); stroke-width: 2; }" }.joined(separator: "\n"))
    """
}
