// How many bits weights may have so that products of sixteen groups fit 16 bits, see IK_FITS_4. Included by vector_quantize.h of the
// tiers that multiply bytes in pairs.

typedef int16_t v32h __attribute__((vector_size(64)));

// Of each quad, the four bytes of a lane, the magnitudes of the first two added, and of the last two, in 16 bits each.
INLINE v32h pairs_of_magnitudes(v16i quads) {
  v32h q = (v32h)quads;
  return __builtin_elementwise_abs((v32h)(q << 8) >> 8) + __builtin_elementwise_abs(q >> 8);
}

// The same of the quads of one half of each of sixteen groups, added up: lane i belongs to group i.
INLINE v32h pairs_of_halves(ik_int8_group *const groups[16], int half) {
  v16i quarters[4];   // numbers 4 * j ..< 4 * j + 4 of vector i are those of group 4 * j + i
#pragma unroll
  for (int i = 0; i < 4; i++) {
    v16i quads;
#pragma unroll
    for (int j = 0; j < 4; j++) memcpy((char *)&quads + 16 * j, groups[4 * j + i]->values + 16 * half, 16);
    quarters[i] = (v16i)pairs_of_magnitudes(quads);
  }
  v16i ab = (v16i)((v32h)EVENS(quarters[0], quarters[1]) + (v32h)ODDS(quarters[0], quarters[1]));
  v16i cd = (v16i)((v32h)EVENS(quarters[2], quarters[3]) + (v32h)ODDS(quarters[2], quarters[3]));
  return (v32h)EVENS(ab, cd) + (v32h)ODDS(ab, cd);
}

// `fits` of sixteen groups, whose values are there. `uppers` has the upper bits of their top quads, four bytes for each group.
INLINE v16i bits_that_fit(ik_int8_group *const groups[16], v16i uppers) {
  v32h top = pairs_of_magnitudes(uppers) * 128, first = pairs_of_halves(groups, 0), second = pairs_of_halves(groups, 1) + top;
  v16i four = (v16i)(first + second > IK_FITS_4) == 0, five = (v16i)(second > IK_FITS_5) == 0;
  return four & (4 - five);
}
