import Requests
import Synchronization

/// What is remembered of a grammar, for all texts that follow it: the places that they have been at and their masks.
///
/// Its lock is held to look something up and to follow a token's bytes, never while a mask is found. It only saves work:
/// nothing that it answers depends on what it remembers.
final class MaskMemory: Sendable {
  /// A place in the numbers of this memory.
  struct Place: Sendable {
    fileprivate(set) var number: Int32
    /// Whether the text may end here.
    fileprivate(set) var canEnd: Bool
    /// Whether nothing can follow.
    fileprivate(set) var isLast: Bool
    /// With how many bytes the text could end, at least.
    fileprivate(set) var distance: Int32
  }

  /// What is known of a place's mask.
  enum Knowledge: Sendable {
    /// The mask; nil if it takes too much work to find it.
    case known(TokenMask?)
    /// Nothing but what is needed to find it.
    case unknown(PlaceImage)
  }

  /// The mask of the tokens at a place behind which so many more can end the text.
  private struct EndingMask: Hashable, Sendable {
    var place: Int32
    var tokenCount: Int
  }

  private struct Contents: Sendable {
    var walker: GrammarWalker
    /// For every place its mask in ``masks``, -1 if it is not known, -2 if it takes too much work to find it.
    var maskOfPlace: [Int32] = []
    /// None of them twice.
    var masks: [TokenMask] = []
    var masksByHash: [UInt64: [Int32]] = [:]
    /// The masks of those tokens only behind which the text can end in time, as far as that was asked, as in ``maskOfPlace``.
    var endingMasks: [EndingMask: Int32] = [:]
    /// For places at which that was asked, how the text comes to its end.
    var endings: [Int32: Ending] = [:]
    /// Bytes that ``GrammarMemory`` was told of.
    var countedBytes = 0

    var byteCount: Int {
      walker.byteCount + maskOfPlace.count * 4 + masks.count * (64 + 8 * (masks.first?.words.count ?? 0))
        + endings.count * 32 + endingMasks.count * 32
    }

    func place(_ number: Int32) -> Place {
      Place(
        number: number, canEnd: walker.canEnd(at: number), isLast: walker.places.range(of: number).isEmpty,
        distance: walker.endingDistance(of: number))
    }
  }

  private let contents: Mutex<Contents>
  private let vocabulary: TokenVocabulary
  private let all: GrammarMemory
  private let full = Atomic<Bool>(false)

  /// Creates a memory of nothing.
  ///
  /// - Parameters:
  ///   - walker: one that has been nowhere yet.
  ///   - all: where bytes are counted.
  init(walker: GrammarWalker, vocabulary: TokenVocabulary, all: GrammarMemory) {
    contents = Mutex(Contents(walker: walker))
    self.vocabulary = vocabulary
    self.all = all
  }

  deinit { contents.withLock { all.add(-$0.countedBytes) } }

  /// Whether so much is remembered that it should be forgotten.
  var isFull: Bool { full.load(ordering: .relaxed) }

  /// Where a text begins.
  var start: Place { contents.withLock { $0.place($0.walker.start) } }

  /// Where the bytes of `token` lead from `place`; nil if no text has them there.
  ///
  /// - Throws: ``GuidedError/tooAmbiguous``.
  func step(_ place: Place, _ token: TokenID) throws(GuidedError) -> Place? {
    guard vocabulary.isOrdinary(token), let bytes = vocabulary.bytes(of: token) else { return nil }
    return try contents.withLock { (contents) throws(GuidedError) in
      defer { count(&contents) }
      var number = place.number
      for byte in bytes {
        contents.walker.resetWork()
        number = contents.walker.step(number, byte)
        if contents.walker.isLost { throw .tooAmbiguous }
        if number == GrammarWalker.dead { return nil }
      }
      return contents.place(number)
    }
  }

  /// The mask at `place`, if it is known; only of the tokens behind which `count` more can end the text, if that is not nil.
  func mask(at place: Place, endingWithin count: Int?) -> Knowledge {
    contents.withLock { contents in
      let known: Int32
      if let count {
        known = contents.endingMasks[EndingMask(place: place.number, tokenCount: count)] ?? -1
      } else {
        known = place.number < contents.maskOfPlace.count ? contents.maskOfPlace[Int(place.number)] : -1
      }
      if known == -1 { return .unknown(contents.walker.image(of: place.number)) }
      return .known(known < 0 ? nil : contents.masks[Int(known)])
    }
  }

  /// Remembers what was found to be the mask at `place`.
  func remember(_ mask: TokenMask?, at place: Place, endingWithin count: Int?) {
    contents.withLock { contents in
      let index = mask.map { Self.index(of: $0, in: &contents) } ?? -2
      if let count {
        contents.endingMasks[EndingMask(place: place.number, tokenCount: count)] = index
      } else {
        let missing = contents.walker.places.count - contents.maskOfPlace.count
        contents.maskOfPlace.append(contentsOf: repeatElement(-1, count: missing))
        contents.maskOfPlace[Int(place.number)] = index
      }
      self.count(&contents)
    }
  }

  /// The first token of the shortest ending from the place with this number.
  func endingStep(from number: Int32) -> EndingStep {
    contents.withLock { contents in
      defer { count(&contents) }
      return contents.walker.endingStep(from: number, vocabulary.all, known: contents.endings)
    }
  }

  /// Remembers how the text comes to its end from these places.
  func remember(endings: [(Int32, Ending)]) {
    contents.withLock { contents in
      for (place, ending) in endings { contents.endings[place] = ending }
      count(&contents)
    }
  }

  private static func index(of mask: TokenMask, in contents: inout Contents) -> Int32 {
    for index in contents.masksByHash[mask.hash] ?? [] where contents.masks[Int(index)] == mask { return index }
    let index = Int32(contents.masks.count)
    contents.masks.append(mask)
    contents.masksByHash[mask.hash, default: []].append(index)
    return index
  }

  /// Bytes that a memory keeps even if all together take too many.
  private static let leastByteCount = 1 << 20

  private func count(_ contents: inout Contents) {
    let bytes = contents.byteCount
    all.add(bytes - contents.countedBytes)
    contents.countedBytes = bytes
    let limit = contents.walker.limits.rememberedByteCount
    if bytes > (all.isOver ? min(limit, Self.leastByteCount) : limit) { full.store(true, ordering: .relaxed) }
  }

  /// What another memory needs to know of `place`.
  func image(of place: Place) -> PlaceImage { contents.withLock { $0.walker.image(of: place.number) } }

  /// The place of `image` in the numbers of this memory.
  func adopt(_ image: PlaceImage) -> Place {
    contents.withLock { contents in
      let number = contents.walker.adopt(image)
      return contents.place(number)
    }
  }
}
