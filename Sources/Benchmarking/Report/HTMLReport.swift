internal import Tensors

/// The report of a benchmark: one page that needs nothing but itself.
///
/// The page is HTML and well-formed XML at the same time.
package struct HTMLReport: Sendable {
  private let figures: BenchFigures

  package init(_ figures: BenchFigures) { self.figures = figures }

  /// The page.
  package var markup: String {
    let setting = figures.setting
    let title = "inflight bench: \(Self.fileName(setting.model))"
    let body = [
      Markup.element("h1", [], Markup.escape(title)),
      Markup.element(
        "p", [("class", "soft")],
        Markup.escape("\(setting.date), \(setting.processor), \(setting.threads) threads")),
      Markup.element("p", [], Markup.element("code", [], Markup.escape(setting.commandLine))),
      cards, heading("Closed loops"),
      paragraph(
        "Each level keeps that many requests of \(setting.promptTokens) prompt and \(setting.outputTokens) output tokens "
          + "under way. Numbers beside points are requests at a time."),
      Markup.element("div", [("class", "plots")], "\n" + plots.joined()),
      Markup.table(
        caption: "Every level; times in milliseconds unless the header says otherwise", BenchFigures.sweepHeader,
        figures.loops.map(BenchFigures.sweepCells)), stepTables, heading("One request at a time"), singleTables,
      heading("Machine and model"), settingTable,
    ].joined(separator: "\n")
    return """
      <!DOCTYPE html>
      <html xmlns="http://www.w3.org/1999/xhtml" lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>\(Markup.escape(title))</title>
      <style>
      \(HTMLStyle.sheet)
      </style>
      </head>
      <body>
      \(body)
      </body>
      </html>

      """
  }

  private func heading(_ words: String) -> String { Markup.element("h2", [], Markup.escape(words)) }

  private func paragraph(_ words: String) -> String {
    Markup.element("p", [("class", "soft")], Markup.escape(words))
  }

  private static func fileName(_ path: String) -> String {
    path.split(separator: "/").last.map { String($0) } ?? path
  }

  /// The figures that matter most.
  private var cards: String {
    let best = figures.loops.max { $0.outputTokensPerSecond < $1.outputTokensPerSecond }
    var cards = [
      (
        "\(Words.number(figures.single.prefillTokensPerSecond)) tokens/s",
        "prefill of \(figures.setting.promptTokens), \(Words.percent(figures.prefillShare)) of \(figures.prefillLimit)"
      ),
      (
        "\(Words.optional(figures.single.decodeTokensPerSecond)) tokens/s",
        "decode, \(Words.optional(figures.decodeShare, Words.percent)) of the read bandwidth"
      ),
    ]
    if let best {
      cards.append(
        ("\(Words.number(best.outputTokensPerSecond)) tokens/s", "most output, with \(best.concurrency) at a time"))
    }
    return Markup.element(
      "div", [("class", "cards")],
      cards.map { figure, words in
        Markup.element(
          "div", [("class", "card")], Markup.element("b", [], Markup.escape(figure)) + Markup.escape(words))
      }.joined(separator: "\n"))
  }
}

// Plots.
extension HTMLReport {
  private var plots: [String] {
    let loops = figures.loops
    let levels = loops.map { Double($0.concurrency) }

    func latency(_ value: (LoopFigures) -> Double?, _ name: String, marked: Bool) -> LinePlot.Series {
      LinePlot.Series(
        name: name,
        points: loops.compactMap { loop in
          value(loop).map {
            LinePlot.Point(
              x: loop.outputTokensPerSecond, y: $0, label: marked ? "\(loop.concurrency)" : "",
              hint: "\(loop.concurrency) at a time: \(name) \(Words.number($0)) ms, "
                + "\(Words.number(loop.outputTokensPerSecond)) tokens/s")
          }
        })
    }

    func rates(_ value: (LoopFigures) -> Double, _ name: String) -> LinePlot.Series {
      LinePlot.Series(
        name: name,
        points: loops.map { loop in
          LinePlot.Point(
            x: Double(loop.concurrency), y: value(loop), label: Words.number(value(loop)),
            hint: "\(loop.concurrency) at a time: \(Words.number(value(loop))) tokens/s")
        })
    }

    let throughput = "output tokens/s, all requests together"
    return [
      LinePlot(
        title: "Throughput against the time between tokens", xLabel: throughput, yLabel: "ms", yKind: .logarithmic,
        series: [
          latency({ $0.interTokenLatency?.p50 }, "ITL p50", marked: true),
          latency({ $0.interTokenLatency?.p99 }, "ITL p99", marked: false),
        ]
      ).markup,
      LinePlot(
        title: "Throughput against the time to the first token", xLabel: throughput, yLabel: "ms", yKind: .logarithmic,
        series: [
          latency({ $0.timeToFirstToken?.p50 }, "TTFT p50", marked: true),
          latency({ $0.timeToFirstToken?.p99 }, "TTFT p99", marked: false),
        ]
      ).markup,
      LinePlot(
        title: "Throughput against concurrency", xLabel: "requests at a time", yLabel: "tokens/s",
        xKind: .logarithmic, xTicks: levels,
        series: [rates(\.outputTokensPerSecond, "output tokens/s")]
      ).markup,
      bars("decode", title: "Time of a step that only generates"),
      bars("prefill", title: "Time of a step with prompts in it"),
    ]
  }

  private func bars(_ phase: String, title: String) -> String {
    StackedBars(
      title: title, xLabel: "requests at a time", yLabel: "ms per step",
      parts: StepProfile.Part.allCases.map(\.rawValue),
      bars: figures.loops.compactMap { loop in
        loop.profile?.phase(phase).map { phase in
          StackedBars.Bar(
            name: "\(loop.concurrency)", values: StepProfile.Part.allCases.map { phase.microseconds(of: $0) / 1000 })
        }
      }
    ).markup
  }
}

// Tables.
extension HTMLReport {
  /// Microseconds per step and part, for every level.
  private var stepTables: String {
    [("decode", "Steps that only generate"), ("prefill", "Steps with prompts in them")].map { name, caption in
      Markup.table(
        caption: "\(caption): µs per step by part",
        ["at a time", "steps", "tokens per step"] + StepProfile.Part.allCases.map(\.rawValue) + ["total"],
        figures.loops.compactMap { loop in
          loop.profile?.phase(name).map { phase in
            ["\(loop.concurrency)", "\(phase.stepCount)", Words.number(phase.tokensPerStep)]
              + StepProfile.Part.allCases.map { Words.number(phase.microseconds(of: $0)) }
              + [Words.number(phase.microsecondsPerStep)]
          }
        })
    }.joined()
  }

  private var singleTables: String {
    guard let profile = figures.profile else { return "" }
    return profile.phases.map { phase in
      Markup.table(
        caption: "\(phase.name): \(phase.stepCount) steps of \(Words.number(phase.tokensPerStep)) tokens, "
          + "\(Words.number(phase.microsecondsPerStep)) µs each", ["operation"] + StepProfile.header.dropFirst(),
        phase.cells)
    }.joined() + paragraph(profile.handOverWords)
  }

  private var settingTable: String {
    let (setting, limits) = (figures.setting, figures.limits)
    func limit(_ median: Double, _ rounds: [Double], _ unit: String) -> String {
      "\(Words.number(median)) \(unit) (\(MachineLimits.range(rounds)) in \(rounds.count) rounds)"
    }
    var rows = [
      ["model", setting.model], ["architecture", setting.architecture],
      ["weights in memory", "\(Words.number(Double(setting.weightByteCount) / 1e6)) MB"],
      ["processor", setting.processor], ["threads", "\(setting.threads)"], ["kernels", setting.kernels],
      ["read bandwidth", limit(limits.readGigabytesPerSecond, limits.readRounds, "GB/s")],
      ["int8", limit(limits.int8Gops, limits.int8Rounds, "GOPS")],
      ["bf16", limit(limits.bfloatGflops, limits.bfloatRounds, "GFLOPS")],
      ["peak memory", "\(figures.peakResidentBytes >> 20) MiB"], ["command", setting.commandLine],
      ["date", setting.date],
    ]
    if let warning = limits.unsteadyWords { rows.append(["note", warning]) }
    return Markup.table(
      caption: "Limits are medians, measured before and after the run", ["", ""], rows)
  }
}
