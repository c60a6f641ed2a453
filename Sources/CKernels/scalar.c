// The scalar twin of every kernel: plain loops that say what the vector tiers must compute, bit for bit, and the tier
// for every processor that has no other. Where vector lanes are added up, the twin adds in the same order.
#include "scalar.h"

#pragma STDC FP_CONTRACT OFF

// ---------------------------------------------------------------------------------------------------------------
// Products.

static uint8_t packed_weight(const uint8_t *weights, int planes, int column, int k) {
  int quad = k / 4, half = column / 16, lane = column % 16;
  if (planes < 0) return weights[quad * 128 + half * 64 + lane * 4 + k % 4];
  uint8_t byte = weights[ik_plane_bytes(planes) + quad / 2 * 128 + half * 64 + lane * 4 + k % 4];
  uint8_t value = quad % 2 == 0 ? byte & 15 : byte >> 4;
  if (planes == 0) return value;
  int quads = 8 / planes;
  uint8_t plane = weights[(half * planes + quad / quads) * 64 + lane * 4 + k % 4];
  return value | (plane >> quad % quads * planes & ((1 << planes) - 1)) << 4;
}

static float half_at(const uint8_t *p, int index) { return ik_float_from_half(ik_load16(p + 2 * index)); }

// Products of inputs first ..< last of a group with `values`, the first of which belongs to input `first`; the weights'
// offset is taken off.
static int32_t dot(ik_format format, const uint8_t *weights, int column, const int8_t *values, int first, int last) {
  int32_t result = 0;
  for (int k = first; k < last; k++) {
    result += ((int32_t)packed_weight(weights, format.planes, column, k) - format.offset) * values[k - first];
  }
  return result;
}

static const uint8_t *header_of(ik_format format, const uint8_t *tile, int32_t group) {
  return tile + ik_group_offset(format, group / 8 * 8) - ik_header_bytes(format.scaling);
}

// The six bits of a group's scale (`which` 0) or minimum (1).
static int six_bits(const uint8_t *header, int32_t group, int column, int which) {
  const uint8_t *bytes = header + ik_super_scales(group % 8);
  return (bytes[column] >> 4 * which & 15) | (bytes[32 + column % 16] >> (column / 16 * 4 + 2 * which) & 3) << 4;
}

// The scale of input `k` of a group.
static float scale_of(ik_format format, const uint8_t *tile, int32_t group, int column, int k) {
  const uint8_t *scales = tile + ik_group_offset(format, group), *header = header_of(format, tile, group);
  switch (format.scaling) {
  case IK_SCALE_SUPER: return half_at(header, column) * (float)six_bits(header, group, column, 0);
  case IK_SCALE_SUPER_HALF: return half_at(header, column) * (float)(int8_t)scales[k / 16 * 32 + column];
  default: return half_at(scales, column);
  }
}

static float minimum_of(ik_format format, const uint8_t *tile, int32_t group, int column) {
  if (format.scaling == IK_SCALE_MINIMUM) return half_at(tile + ik_group_offset(format, group) + 64, column);
  const uint8_t *header = header_of(format, tile, group);
  return -(half_at(header + 64, column) * (float)six_bits(header, group, column, 1));
}

// A sum of products times a scale, also if that is not finite as the vector tiers do it.
static float scaled(int32_t sum, float scale) { return fmaf((float)sum + IK_BIAS, scale, -(IK_BIAS * scale)); }

static float integer_element(
    ik_format format, const uint8_t *tile, const ik_int8_rows *x, int32_t row, int column, float out
) {
  int run = format.scaling == IK_SCALE_SUPER_HALF ? 16 : 32;
  for (int32_t first = 0; first < x->group_count; first += IK_CHUNK) {
    int32_t end = first + IK_CHUNK < x->group_count ? first + IK_CHUNK : x->group_count;
    size_t place = ik_chunk_index(x, row, first / IK_CHUNK);
    const ik_int8_group *groups = x->groups + place * IK_CHUNK;
    for (int32_t g = first; g < end; g++) {
      const ik_int8_group *group = groups + g - first;
      const uint8_t *weights = tile + ik_group_offset(format, g) + ik_scale_bytes(format.scaling);
      float products = 0;
      for (int k = 0; k < 32; k += run) {
        int32_t sum = dot(format, weights, column, group->values + k, k, k + run), twice = group->top_quad * 4;
        if (k <= twice && twice < k + run) sum += 8 * dot(format, weights, column, group->top, twice, twice + 4);
        float scale = scale_of(format, tile, g, column, k);
        products = k == 0 ? scaled(sum, scale) : fmaf((float)sum, scale, products);
      }
      out = fmaf(products, group->scale, out);
      if (format.scaling == IK_SCALE_MINIMUM || format.scaling == IK_SCALE_SUPER) {
        out = fmaf(group->scaled_sum, minimum_of(format, tile, g, column), out);
      }
    }
    for (int i = 0; i < x->outlier_counts[place]; i++) {
      const ik_outliers *outliers = x->outliers + place * IK_LIST + i;
      int32_t of_chunk = outliers->quad / 8, g = first + of_chunk, k = outliers->quad % 8 * 4;
      const uint8_t *weights = tile + ik_group_offset(format, g) + ik_scale_bytes(format.scaling);
      int32_t sum = dot(format, weights, column, outliers->high, k, k + 4);
      out = fmaf((float)sum * (groups[of_chunk].scale * 128.0f), scale_of(format, tile, g, column, k), out);
    }
  }
  return out;
}

static float float_weight(ik_type type, const uint8_t *tile, size_t index) {
  switch (type) {
  case IK_F16: return ik_float_from_half(ik_load16(tile + 2 * index));
  default: {
    float value;
    memcpy(&value, tile + 4 * index, 4);
    return value;
  }
  }
}

static float bfloat_product(const uint8_t *tile, const ik_bfloat_rows *x, int32_t row, int column) {
  float sum = 0;
  for (int32_t k = 0; k < x->inputs; k += 2) {
    const uint16_t *pair = x->values + ik_bfloat_index(x, row, k / IK_BFLOAT_CHUNK) + k % IK_BFLOAT_CHUNK;
    const uint8_t *weights = tile + 2 * ((size_t)k * IK_TILE + 2 * (size_t)column);
    // The odd input comes first: see vector_bfloat.h.
    sum = fmaf(ik_float_from_bfloat(pair[1]), ik_float_from_bfloat(ik_load16(weights + 2)), sum);
    sum = fmaf(ik_float_from_bfloat(pair[0]), ik_float_from_bfloat(ik_load16(weights)), sum);
  }
  return sum;
}

static void scalar_matmul(const void *arguments, int32_t begin, int32_t end) {
  const ik_matmul *m = arguments;
  ik_format format = ik_format_of(m->type);
  for (int32_t item = begin; item < end; item++) {
    ik_matmul_part part = ik_matmul_part_of(m, item);
    int32_t tile = part.tile;
    const uint8_t *data = m->tiles + (size_t)tile * m->tile_bytes;
    for (int32_t row = part.first_row; row < part.first_row + part.rows; row++) {
      for (int column = 0; column < IK_TILE && tile * IK_TILE + column < m->outputs; column++) {
        float *out = m->out + (size_t)row * m->out_stride + tile * IK_TILE + column;
        float value = m->bias ? m->bias[tile * IK_TILE + column] : 0.0f;
        if (m->accumulate) value += *out;
        if (ik_is_integer(m->type)) {
          value = integer_element(format, data, m->int8, row, column, value);
        } else if (m->type == IK_BF16) {
          value += bfloat_product(data, m->bfloat, row, column);
        } else {
          const float *x = m->floats + (size_t)row * m->inputs;
          for (int32_t k = 0; k < m->inputs; k++) {
            value = fmaf(x[k], float_weight(m->type, data, (size_t)k * IK_TILE + column), value);
          }
        }
        *out = value;
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Rows.

static float largest_of_quad(const float *x, int quad) {
  float largest = 0;
  for (int i = 4 * quad; i < 4 * quad + 4; i++) largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
  return largest;
}

// The first quad with the largest value. Its last three bits are not looked at, so that vectors can have the quad there.
static int quad_of_largest(const float *x) {
  int quad = 0;
  uint32_t highest = 0;
  for (int i = 0; i < 8; i++) {
    float largest = largest_of_quad(x, i);
    uint32_t bits;
    memcpy(&bits, &largest, 4);
    if (bits >> 3 > highest) {
      highest = bits >> 3;
      quad = i;
    }
  }
  return quad;
}

// What `fits` of a group is, whose values and upper bits are there.
static int8_t bits_that_fit(const ik_int8_group *group) {
  bool four = true, five = true;
  for (int pair = 0; pair < 4; pair += 2) {
    int32_t first = 0, second = 0, upper = 8 * (abs(group->top[pair]) + abs(group->top[pair + 1]));
    for (int i = pair; i < IK_GROUP; i += 4) {
      *(i < IK_GROUP / 2 ? &first : &second) += abs(group->values[i]) + abs(group->values[i + 1]);
    }
    four = four && first + second + upper <= IK_FITS_4;
    five = five && second + upper <= IK_FITS_5;
  }
  return !four ? 0 : five ? 5 : 4;
}

void ik_quantize_group(const float *x, float outlier, ik_int8_group *group, int8_t high[IK_GROUP]) {
  int top_quad = quad_of_largest(x);
  float peak = 0, ordinary = 0;
  for (int quad = 0; quad < 8; quad++) {
    float largest = largest_of_quad(x, quad);
    peak = largest > peak ? largest : peak;
    if (quad != top_quad && !(largest > outlier) && largest > ordinary) ordinary = largest;
  }
  float scale = ordinary / 127.0f;
  if (peak / 16256.0f > scale) scale = peak / 16256.0f;
  float inverse = scale > IK_SMALLEST_SCALE ? 1.0f / scale : 0.0f;
  int32_t integers[IK_GROUP], total = 0;
  memset(group, 0, sizeof *group);
  group->top_quad = (int16_t)top_quad;
  bool top_is_listed = false;
  for (int i = 0; i < IK_GROUP; i++) {
    float rounded = rintf(x[i] * inverse);
    // A NaN becomes 0 here and makes the group's scale a NaN, so that it is not lost.
    if (rounded != rounded) scale = NAN;
    integers[i] = rounded == rounded ? (int32_t)rounded : 0;
    int32_t upper = (integers[i] + 64) >> 7;
    if (i / 4 == top_quad && (upper < -8 || upper > 7)) top_is_listed = true;
  }
  for (int i = 0; i < IK_GROUP; i++) {
    bool is_top = i / 4 == top_quad, listed = is_top ? top_is_listed : largest_of_quad(x, i / 4) > outlier;
    int32_t q = integers[i], upper = listed || is_top ? (q + 64) >> 7 : 0;
    high[i] = (int8_t)(listed ? upper : 0);
    group->values[i] = (int8_t)(q - 128 * upper);
    if (is_top && !listed) {
      group->top[i % 4] = (int8_t)(16 * upper);
      group->raised[top_quad / 4][i % 4] = (int8_t)(uint8_t)((unsigned)upper << 5);
      if (upper < -4 || upper > 3) group->is_wide = 1;
    }
    group->sums[i / 16] += q - 128 * high[i];
    total += q;
  }
  group->scale = scale;
  group->scaled_sum = scale * (float)total;
  group->fits = bits_that_fit(group);
}

// Number i belongs to running sum i % 64.
static float sum_of_squares(const float *x, int32_t columns) {
  float sums[4][16] = {{0}};
  for (int32_t i = 0; i < columns; i++) sums[i / 16 % 4][i % 16] = fmaf(x[i], x[i], sums[i / 16 % 4][i % 16]);
  float lanes[16];
  for (int j = 0; j < 16; j++) lanes[j] = (sums[0][j] + sums[1][j]) + (sums[2][j] + sums[3][j]);
  return sum_lanes(lanes);
}

static void quantize_row(const float *x, int32_t columns, const ik_int8_rows *out, int32_t row) {
  float outlier = IK_OUTLIER * sqrtf(sum_of_squares(x, columns) / (float)columns);
  for (int32_t g = 0; g < columns / IK_GROUP; g++) {
    const float *values = x + (size_t)g * IK_GROUP;
    size_t place = ik_chunk_index(out, row, g / IK_CHUNK);
    ik_int8_group *group = out->groups + place * IK_CHUNK + g % IK_CHUNK;
    int8_t high[IK_GROUP];
    if (g % IK_CHUNK == 0) out->outlier_counts[place] = 0;
    ik_quantize_group(values, outlier, group, high);
    ik_list_outliers(out, place, g % IK_CHUNK, high);
  }
}

static void round_row(const float *x, int32_t columns, const ik_bfloat_rows *out, int32_t row) {
  for (int32_t i = 0; i < columns + columns % 2; i++) {
    uint16_t *value = out->values + ik_bfloat_index(out, row, i / IK_BFLOAT_CHUNK) + i % IK_BFLOAT_CHUNK;
    *value = i < columns ? ik_bounded_bfloat_activation(x[i]) : 0;
  }
}

static void scalar_quantize(const void *arguments, int32_t begin, int32_t end) {
  const ik_quantize *q = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *x = q->x + (size_t)row * q->columns;
    if (q->int8) quantize_row(x, q->columns, q->int8, row);
    if (q->bfloat) round_row(x, q->columns, q->bfloat, row);
  }
}

static void scalar_rms_norm(const void *arguments, int32_t begin, int32_t end) {
  const ik_rms_norm *n = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *x = n->x + (size_t)row * n->columns;
    float *out = n->out + (size_t)(n->is_scratch ? begin : row) * n->columns;
    float inverse = 1.0f / sqrtf(sum_of_squares(x, n->columns) / (float)n->columns + n->epsilon);
    for (int32_t i = 0; i < n->columns; i++) out[i] = x[i] * inverse * n->weight[i];
    if (n->int8) quantize_row(out, n->columns, n->int8, row);
    if (n->bfloat) round_row(out, n->columns, n->bfloat, row);
  }
}

static void scalar_silu_gate(const void *arguments, int32_t begin, int32_t end) {
  const ik_silu_gate *s = arguments;
  for (int32_t row = begin; row < end; row++) {
    const float *gate = s->x + (size_t)row * 2 * s->columns, *up = gate + s->columns;
    float *out = s->out + (size_t)row * s->out_stride;
    for (int32_t i = 0; i < s->columns; i++) out[i] = gate[i] / (exponential(-gate[i]) + 1.0f) * up[i];
  }
}

const ik_kernels ik_scalar_kernels = {
    .name = "scalar",
    .matmul = scalar_matmul,
    .rms_norm = scalar_rms_norm,
    .quantize = scalar_quantize,
    .silu_gate = scalar_silu_gate,
    .rotate = ik_scalar_rotate,
    .attention = ik_scalar_attention,
    .exponential_sums = ik_scalar_exponential_sums,
    .fold_partials = ik_scalar_fold_partials,
};
