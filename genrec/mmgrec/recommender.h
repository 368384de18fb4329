// Stage two of MMGRec: the Transformer that reads a user's items and says the Rec-IDs that the user will like.
#pragma once

#include <memory>

#include "genrec/mmgrec/batches.h"
#include "genrec/mmgrec/decoder.h"
#include "genrec/mmgrec/encoder.h"
#include "nn/decode_state.h"
#include "tensor/cuda/replays.h"

namespace genrec::mmgrec {

class Recommender {
 public:
  // item_vectors [items, D] and user_vectors [users, D] come from stage one and are stored with the parameters. `length` is the
  // number of decoder positions, levels + 2 (START, semantic tokens, last token).
  Recommender(nn::Parameters& parameters, const TransformerOptions& options, const Tensor& item_vectors,
              const Tensor& user_vectors, int vocabulary, int length);

  // Scores of the next token after every decoder input, [S*L, vocabulary].
  Var logits(const Batch& batch, const nn::Context& context) const;
  // Mean token cross-entropy, END included.
  Var loss(const Batch& batch, const nn::Context& context) const;

  // What the decoder needs of the users of a batch; made once.
  struct Memory {
    std::vector<Tensor> layers;  // nn::CrossAttention::remember() of each decoder layer
    Tensor offsets;              // i32 [S+1]
  };
  // history i32 [T] packed by offsets; users [S, D].
  Memory encode(const Tensor& history, const Tensor& offsets, const Tensor& users) const;

  using State = nn::DecodeState;
  using Scores = nn::NextTokenScores;
  // All i32 [rows], on the CPU or made by kernels. Feeds token r to row r; row r goes on from row parents[r] of the step
  // before (unused in the first step) and belongs to user row_user[r] of the memory.
  Scores step(State& state, const Memory& memory, const Tensor& tokens, const Tensor& parents, const Tensor& row_user) const;

  // The model as it is now, for inference: see nn::Linear::pack().
  Recommender packed() const;
  // The graphs of searches with such a copy on a GPU; null of another, whose weights may change.
  tensor::cuda::Replays* replays() const { return replays_.get(); }

  const Tensor& user_vectors() const { return user_vectors_.value(); }
  const Tensor& item_vectors() const { return item_vectors_.value(); }
  int vocabulary() const { return vocabulary_; }

 private:
  // [S, D]: the graph's vectors, or the means of the histories' item vectors.
  Var users_of(const Tensor& history, const Tensor& offsets, const Var& graph_vectors) const;
  Var encoded(const Tensor& history, const Tensor& offsets, const Var& graph_vectors, const nn::Context& context) const;
  Var embedded(const Tensor& tokens, const Tensor& positions, const nn::Context& context) const;

  TransformerOptions options_;
  int width_, vocabulary_, length_;
  Var item_vectors_, user_vectors_;
  Var tokens_;               // [vocabulary, D]
  Tensor decoder_positions_; // [length, D] sinusoids
  Tensor history_positions_; // [N, D] sinusoids, of the "default" variant
  nn::Dropout history_dropout_, token_dropout_;
  std::vector<EncoderLayer> encoder_;
  std::vector<DecoderLayer> decoder_;
  nn::Linear output_;        // [D, vocabulary]
  std::shared_ptr<tensor::cuda::Replays> replays_;
};

}  // namespace genrec::mmgrec
