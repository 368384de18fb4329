// T5 against a plain implementation in double, written from its description: one sequence, no dropout.
#include <cmath>

#include "nn/t5.h"
#include "tests/autograd/ragged.h"
#include "tests/nn/gradients.h"

using nn::Parameters;
using tensor::Tensor;

namespace {

using Row = std::vector<double>;
using Matrix = std::vector<Row>;

class Reference {
 public:
  Reference(const Parameters& parameters, const nn::T5Options& options) : parameters_(parameters), options_(options) {}

  Matrix encode(const std::vector<int32_t>& tokens) const {
    Matrix x = embed(tokens);
    for (int i = 0; i < options_.encoder_layers; ++i) {
      const std::string layer = "t5.encoder." + std::to_string(i);
      const Matrix qkv = product(normed(x, layer + ".self.norm"), layer + ".self.qkv.w");
      x = sum(x, attend(qkv, qkv, 1, "t5.encoder.position", layer + ".self"));
      x = fed_forward(x, layer + ".ffn");
    }
    return normed(x, "t5.encoder.norm");
  }

  Matrix decode(const std::vector<int32_t>& tokens, const Matrix& memory) const {
    Matrix x = embed(tokens);
    for (int i = 0; i < options_.decoder_layers; ++i) {
      const std::string layer = "t5.decoder." + std::to_string(i);
      const Matrix qkv = product(normed(x, layer + ".self.norm"), layer + ".self.qkv.w");
      x = sum(x, attend(qkv, qkv, 1, "t5.decoder.position", layer + ".self"));
      x = sum(x, attend(product(normed(x, layer + ".cross.norm"), layer + ".cross.q.w"),
                        product(memory, layer + ".cross.kv.w"), 0, "", layer + ".cross"));
      x = fed_forward(x, layer + ".ffn");
    }
    Matrix logits;
    const Matrix table = matrix("t5.embedding.table");
    for (const Row& h : normed(x, "t5.decoder.norm")) {
      logits.emplace_back();
      for (const Row& e : table) logits.back().push_back(dot(h, e) / std::sqrt(static_cast<double>(options_.width)));
    }
    return logits;
  }

 private:
  static double dot(const Row& x, const Row& y) {
    double total = 0;
    for (size_t i = 0; i < x.size(); ++i) total += x[i] * y[i];
    return total;
  }
  static Matrix sum(Matrix x, const Matrix& y) {
    for (size_t r = 0; r < x.size(); ++r)
      for (size_t c = 0; c < x[r].size(); ++c) x[r][c] += y[r][c];
    return x;
  }

  Matrix matrix(const std::string& name) const {
    const Tensor& value = parameters_.find(name)->var.value();
    Matrix rows;
    for (int64_t r = 0; r < value.rows(); ++r) {
      rows.emplace_back(value.data<double>() + r * value.columns(), value.data<double>() + (r + 1) * value.columns());
    }
    return rows;
  }
  Matrix embed(const std::vector<int32_t>& tokens) const {
    const Matrix table = matrix("t5.embedding.table");
    Matrix x;
    for (const int32_t token : tokens) x.push_back(table[token]);
    return x;
  }
  Matrix product(const Matrix& x, const std::string& name) const {
    const Matrix w = matrix(name);
    Matrix y(x.size(), Row(w[0].size(), 0.0));
    for (size_t r = 0; r < x.size(); ++r)
      for (size_t k = 0; k < w.size(); ++k)
        for (size_t c = 0; c < w[k].size(); ++c) y[r][c] += x[r][k] * w[k][c];
    return y;
  }
  Matrix normed(Matrix x, const std::string& name) const {
    const Row w = matrix(name + ".w")[0];
    for (Row& row : x) {
      const double root = std::sqrt(dot(row, row) / static_cast<double>(row.size()) + 1e-6);
      for (size_t c = 0; c < row.size(); ++c) row[c] *= w[c] / root;
    }
    return x;
  }
  Matrix fed_forward(const Matrix& x, const std::string& name) const {
    Matrix hidden = product(normed(x, name + ".norm"), name + ".up.w");
    for (Row& row : hidden)
      for (double& value : row) value = std::max(value, 0.0);
    return sum(x, product(hidden, name + ".down.w"));
  }
  // Column block `block` of `keys` holds the keys, the next one the values. No name of a position: cross-attention.
  Matrix attend(const Matrix& queries, const Matrix& keys, int block, const std::string& position,
                const std::string& name) const {
    const int64_t width = options_.head_width, inner = options_.heads * width;
    Matrix out(queries.size(), Row(inner, 0.0));
    for (int64_t h = 0; h < options_.heads; ++h) {
      for (size_t i = 0; i < queries.size(); ++i) {
        const bool causal = position == "t5.decoder.position";
        Row weights;
        double total = 0;
        for (size_t j = 0; j < keys.size(); ++j) {
          double score = 0;
          for (int64_t c = 0; c < width; ++c) score += queries[i][h * width + c] * keys[j][block * inner + h * width + c];
          const int64_t distance = static_cast<int64_t>(j) - static_cast<int64_t>(i);
          if (!position.empty()) {
            const int32_t bucket = causal ? nn::causal_bucket(distance) : nn::bidirectional_bucket(distance);
            score += matrix(position + ".table")[bucket][h];
          }
          total += weights.emplace_back(causal && distance > 0 ? 0 : std::exp(score));
        }
        for (size_t j = 0; j < keys.size(); ++j) {
          for (int64_t c = 0; c < width; ++c) {
            out[i][h * width + c] += weights[j] / total * keys[j][(block + 1) * inner + h * width + c];
          }
        }
      }
    }
    return product(out, name + ".out.w");
  }

  const Parameters& parameters_;
  nn::T5Options options_;
};

}  // namespace

TEST_CASE("T5 equals its description", "[t5]") {
  const nn::T5Options options{.width = 6, .feed_forward = 7, .heads = 2, .head_width = 5, .encoder_layers = 2,
                              .decoder_layers = 3, .vocabulary = 11};
  Parameters p(1, tensor::DType::f64);
  const nn::T5 t5(p, "t5", options);
  tests::randomise(p);
  const std::vector<int32_t> tokens = {3, 9, 4, 4, 10, 2, 7, 3, 5, 8, 6, 1}, inputs = {0, 5, 9, 2, 4};
  const Reference reference(p, options);
  const Matrix memory = reference.encode(tokens), want = reference.decode(inputs, memory);
  const Tensor offsets = tests::offsets_of({12});
  const autograd::Var encoded = t5.encode(Tensor::from(tokens), offsets, {});
  const Tensor logits = t5.decode(Tensor::from(inputs), tests::offsets_of({5}), encoded, offsets, {}).value();
  for (int64_t r = 0; r < 12; ++r)
    for (int64_t c = 0; c < 6; ++c) CHECK(encoded.value().data<double>()[r * 6 + c] == Approx(memory[r][c]).margin(1e-12));
  for (int64_t r = 0; r < 5; ++r)
    for (int64_t c = 0; c < 11; ++c) CHECK(logits.data<double>()[r * 11 + c] == Approx(want[r][c]).margin(1e-12));
}
