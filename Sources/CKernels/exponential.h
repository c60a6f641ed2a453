// exp(x) in float32 as one fixed sequence of operations, so that every tier gives the same bits.
//
// x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) by a polynomial of degree 6 (Cephes' coefficients, S. Moshier);
// 2^n by adding n to the exponent. Relative error below 2e-7; below -87 the result is 0, above 88 it is clamped.
#ifndef INFLIGHT_EXPONENTIAL_H
#define INFLIGHT_EXPONENTIAL_H

#define IK_EXP_MIN -87.0f
#define IK_EXP_MAX 88.0f
#define IK_LOG2_E 1.44269504088896341f
#define IK_LN2_HIGH 0.693359375f
#define IK_LN2_LOW -2.12194440e-4f
#define IK_EXP_P0 1.9875691500e-4f
#define IK_EXP_P1 1.3981999507e-3f
#define IK_EXP_P2 8.3334519073e-3f
#define IK_EXP_P3 4.1665795894e-2f
#define IK_EXP_P4 1.6666665459e-1f
#define IK_EXP_P5 5.0000001201e-1f

// 2^x = 2^n * 2^f with |f| <= 1/2; 2^f by a polynomial of degree 5 with the least relative error among those that are 1 at 0
// (found by linear programming). Relative error below 3e-7. Below -120 the result is that of -120.
#define IK_EXP2_MIN -120.0f
#define IK_EXP2_P1 0.6931465864181519f
#define IK_EXP2_P2 0.24022166430950165f
#define IK_EXP2_P3 0.055510472506284714f
#define IK_EXP2_P4 0.009674952365458012f
#define IK_EXP2_P5 0.0013202981790527701f

#endif
