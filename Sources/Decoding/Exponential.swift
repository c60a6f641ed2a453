/// e^x for x <= 0 in float32, elementwise: the same bits on every machine, since it uses only IEEE additions,
/// multiplications and integer operations, which the compiler turns into vectors.
///
/// Range reduction x = n ln 2 + r with |r| <= ln 2 / 2 and a polynomial in r (Moshier's Cephes, `expf`); relative error
/// below 2e-7. Results below e^-87 are 0, and so is e^-infinity.
@inline(__always)
package func exponentialOfNonPositive(_ value: Float) -> Float {
  let smallest: Float = -87
  let clamped = value < smallest ? smallest : value
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum.
  let shifted = clamped * 1.442_695_04 + 12_582_912
  let exponent = shifted - 12_582_912
  let rest = (clamped - exponent * 0.693_359_375) - exponent * -2.121_944_40e-4
  var polynomial: Float = 1.987_569_15e-4
  polynomial = polynomial * rest + 1.398_199_95e-3
  polynomial = polynomial * rest + 8.333_451_91e-3
  polynomial = polynomial * rest + 4.166_579_59e-2
  polynomial = polynomial * rest + 1.666_666_55e-1
  polynomial = polynomial * rest + 5.000_000_12e-1
  let mantissa = polynomial * (rest * rest) + rest + 1
  let scale = Float(bitPattern: (shifted.bitPattern &<< 23) &+ (127 << 23))
  return value < smallest ? 0 : mantissa * scale
}
