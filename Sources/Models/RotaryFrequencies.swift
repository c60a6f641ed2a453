package import Checkpoints

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

extension RopeConfiguration {
  /// Radians per position of each rotated pair, `[dimension / 2]`: `base^(-2i / dimension)`, scaled.
  package var inverseFrequencies: [Double] {
    let plain = (0..<dimension / 2).map { pow(base, -2 * Double($0) / Double(dimension)) }
    switch scaling {
    case .none:
      return plain
    case .linear(let factor):
      return plain.map { $0 / factor }
    case .llama3(let factor, let low, let high, let originalPositions):
      return plain.map {
        Self.llama3($0, factor: factor, low: low, high: high, originalPositions: Double(originalPositions))
      }
    case .frequencyFactors(let factors):
      return zip(plain, factors).map { $0 / Double($1) }
    }
  }

  /// Llama 3.1's scaling: wavelengths longer than `originalPositions / low` are stretched by `factor`, those shorter
  /// than `originalPositions / high` are kept, and in between the two are blended linearly in `originalPositions /
  /// wavelength`.
  private static func llama3(
    _ frequency: Double, factor: Double, low: Double, high: Double, originalPositions: Double
  ) -> Double {
    let wavelength = 2 * Double.pi / frequency
    if wavelength > originalPositions / low { return frequency / factor }
    if wavelength < originalPositions / high { return frequency }
    let blend = (originalPositions / wavelength - low) / (high - low)
    return (1 - blend) * frequency / factor + blend * frequency
  }
}
