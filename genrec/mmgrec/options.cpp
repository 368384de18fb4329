#include "genrec/mmgrec/options.h"

#include "genrec/options.h"

namespace genrec::mmgrec {

namespace {

void describe_graph(OptionTable& table, GraphOptions& o) {
  table.group("Stage graph: graph convolution, BPR");
  table.add("width", o.width, "width D of the user and item vectors and of the Transformer")
      .range(2, 4096)
      .even();  // half of the sinusoids are sines
  table.add("feature-scaling", o.feature_scaling, "of the features before they are projected").choices({"standardize", "none"});
  table.add("free-item-vector", o.free_item_vector, "a free vector per item beside the projected features (Eq. 4)");
  table.add("graph-last-activation", o.last_activation, "LeakyReLU after the second convolution too (Eq. 5)");
  table.add("graph-neighbour-bias", o.neighbour_bias, "a bias on the neighbour branch");
  table.add("graph-dropout-1", o.dropout1, "dropout after the first convolution").range(0, 0.99);
  table.add("graph-dropout-2", o.dropout2, "dropout after the second convolution").range(0, 0.99);
  table.add("graph-optimizer", o.optimizer, "optimiser of the graph stage").choices({"adam", "sgd"});
  table.add("graph-learning-rate", o.learning_rate, "learning rate of the graph stage").range(0, 10);
  table.add("graph-weight-decay", o.weight_decay, "coupled L2 of the graph stage").range(0, 1);
  table.add("graph-batch", o.batch, "triples (user, item, negative) in a step").range(1, 1 << 24);
  table.add("negatives", o.negatives, "negative items per positive").range(1, 1000);
  table.add("resample-negatives", o.resample_negatives, "draw the negatives anew every epoch");
  table.add("graph-epochs", o.epochs, "epochs of BPR in each round").range(0, 1e6);
  table.add("graph-patience", o.patience, "epochs without a better validation Recall before BPR ends; 0 never").range(0, 1e6);
}

void describe_quantizer(OptionTable& table, QuantizerOptions& o) {
  table.group("Stage quantize: item identifiers");
  table.add("id-input", o.input, "what is quantised: graph vectors or raw features").choices({"graph", "features"});
  table.add("id-method", o.method, "residual quantiser or hierarchical k-means").choices({"rqvae", "hkmeans"});
  table.add("rq-hidden", o.hidden, "hidden width of the quantiser's encoder and decoder").range(1, 65536);
  table.add("rq-latent", o.latent, "width of the codewords").range(1, 4096);
  table.add("levels", o.levels, "semantic tokens of an identifier").range(1, 8);
  table.add("codes", o.codes, "codewords per level").range(2, 65536);
  table.add("beta", o.beta, "weight of the commitment loss").range(0, 100);
  table.add("residual-grad", o.residual_grad, "how the gradient passes from level to level")
      .choices({"detach", "full", "straight_through"});
  table.add("codebook-init", o.codebook_init, "start of the codebooks").choices({"kmeans", "uniform"});
  table.add("revive-dead-codes", o.revive_dead_codes, "move unused codewords onto residuals");
  table.add("rq-learning-rate", o.learning_rate, "learning rate of the quantiser (Adam)").range(0, 10);
  table.add("rq-weight-decay", o.weight_decay, "coupled L2 of the quantiser").range(0, 1);
  table.add("rq-batch", o.batch, "items in a step").range(1, 1 << 24);
  table.add("rq-epochs", o.epochs, "epochs of the quantiser in each round").range(0, 1e6);
}

void describe_transformer(OptionTable& table, TransformerOptions& o) {
  table.group("Stage recommend: relation-aware Transformer");
  table.add("layers", o.layers, "encoder layers, and as many decoder layers").range(1, 64);
  table.add("heads", o.heads, "attention heads, each as wide as the model").range(1, 64);
  table.add("feed-forward", o.feed_forward, "hidden width of the feed-forward blocks").range(1, 65536);
  table.add("dropout", o.dropout, "dropout of the Transformer").range(0, 0.99);
  table.add("history", o.history, "items of a user that the encoder reads, N").range(1, 4096);
  table.add("position", o.position, "what tells the encoder's items apart").choices({"relation", "default", "none"});
  table.add("item-vectors", o.item_vectors, "encoder input: graph vectors, these trained further, or vectors trained from scratch")
      .choices({"frozen", "tuned", "free"});
  table.add("user-vectors", o.user_vectors, "what the attention knows of the user: the graph's vector, or the mean of the history's items")
      .choices({"graph", "history"});
  table.add("vocabulary", o.vocabulary, "token ids: disjoint per level, or shared").choices({"disjoint", "shared"});
  table.add("softmax", o.softmax, "of training: over the tokens that the trie allows, or over the full vocabulary")
      .choices({"trie", "full"});
  table.add("norm-affine", o.norm_affine, "layer norms have scale and shift");
  table.add("exclude-target", o.exclude_target, "the item to be predicted is not in the encoder's input");
  table.add("resample-history", o.resample_history, "draw the subset of long histories anew every epoch");
  table.add("history-length", o.history_length, "what training reads of a history: all, or a random number of its items")
      .choices({"all", "random"});
  table.add("samples-per-user", o.samples_per_user, "most targets of one user in an epoch, drawn anew; 0 takes all")
      .range(0, 1e9);
  table.add("optimizer", o.optimizer, "optimiser of the Transformer").choices({"sgd", "adam"});
  table.add("learning-rate", o.learning_rate, "learning rate of the Transformer").range(0, 10);
  table.add("schedule", o.schedule, "how the learning rate falls over the planned epochs").choices({"constant", "cosine", "linear"});
  table.add("momentum", o.momentum, "momentum of sgd").range(0, 0.9999);
  table.add("weight-decay", o.weight_decay, "coupled L2 of the Transformer").range(0, 1);
  table.add("clip", o.clip, "largest norm of the whole gradient; 0 turns it off").range(0, 1e9);
  table.add("batch", o.batch, "interactions in a step").range(1, 1 << 24);
  table.add("epochs", o.epochs, "most epochs of the Transformer").range(0, 1e6);
  table.add("patience", o.patience, "validations without a better Recall before training ends; 0 never").range(0, 1e6);
  table.add("validate-every", o.validate_every, "epochs between two validations").range(1, 1e6);
}

}  // namespace

void describe(OptionTable& table, Options& o) {
  table.group("Bundles of settings (each setting can still be given)");
  table.add("profile", o.profile, "whose choices: ours (the paper's method, repaired), paper (literally), release (the authors' code)")
      .choices({"ours", "paper", "release"})
      .bundle("paper", {{"softmax", "full"}, {"score", "full"}, {"feature-scaling", "none"},
                        {"graph-last-activation", "true"}, {"graph-neighbour-bias", "false"}, {"graph-optimizer", "sgd"},
                        {"graph-weight-decay", "1e-5"}, {"rounds", "60"}, {"graph-epochs", "1"}, {"rq-epochs", "1"},
                        {"rq-hidden", "16"}, {"rq-latent", "4"}, {"graph-patience", "0"}, {"revive-dead-codes", "false"},
                        {"momentum", "0"}, {"clip", "0"},
                        {"optimizer", "sgd"}, {"learning-rate", "1e-3"}, {"weight-decay", "1e-5"}})
      .bundle("release", {{"softmax", "full"}, {"score", "full"}, {"feature-scaling", "none"},
                          {"free-item-vector", "false"}, {"resample-negatives", "false"}, {"graph-patience", "0"},
                          {"rq-hidden", "16"}, {"rq-latent", "4"}, {"rq-epochs", "60"}, {"residual-grad", "full"},
                          {"codebook-init", "uniform"}, {"revive-dead-codes", "false"},
                          {"vocabulary", "shared"}, {"norm-affine", "false"}, {"exclude-target", "false"},
                          {"resample-history", "false"}, {"position", "relation"}, {"exclude-seen", "none"}, {"clip", "0"},
                          {"optimizer", "sgd"}, {"momentum", "0.99"}, {"learning-rate", "1e-3"}, {"weight-decay", "1e-5"}});
  table.add("preset", o.preset, "sizes: default, or tiny (seconds on two cores)")
      .choices({"default", "tiny"})
      .bundle("tiny", {{"width", "32"}, {"rq-hidden", "32"}, {"rq-latent", "16"}, {"codes", "16"}, {"history", "16"},
                       {"layers", "1"}, {"heads", "2"}, {"feed-forward", "32"}, {"graph-batch", "1000"},
                       {"graph-epochs", "40"},
                       {"rq-epochs", "300"}, {"rq-batch", "128"}, {"optimizer", "adam"}, {"learning-rate", "2e-3"},
                       {"batch", "256"},
                       {"epochs", "60"}, {"patience", "12"}, {"dropout", "0.2"}});
  table.add("variant", o.variant, "an ablation of the paper")
      .choices({"full", "id_wo", "emb_wo", "hkmeans", "random_last", "default_pe", "wo_pe"})
      .bundle("id_wo", {{"id-input", "features"}})
      .bundle("emb_wo", {{"item-vectors", "free"}})
      .bundle("hkmeans", {{"id-method", "hkmeans"}})
      .bundle("random_last", {{"last-token", "random"}})
      .bundle("default_pe", {{"position", "default"}})
      .bundle("wo_pe", {{"position", "none"}});
  table.add("rounds", o.rounds, "how often the graph and the quantiser take turns").range(1, 100000);
  describe_graph(table, o.graph);
  describe_quantizer(table, o.quantizer);
  table.add("last-token", o.last_token, "the token that parts items of one code").choices({"popularity", "random"});
  describe_transformer(table, o.transformer);
  table.group("Validation and recommendation");
  table.add("validation-k", o.validation_k, "K of the validation Recall@K").range(1, 1000);
  table.add("validation-metric", o.validation_metric, "what early stopping of the Transformer goes by").choices({"recall", "ndcg"});
  table.add("exclude-seen", o.exclude_seen, "items of the history: never reached in the trie; dropped from a wider beam; or kept")
      .choices({"trie", "leaf", "none"});
  table.add("score", o.score, "log-probabilities over the full vocabulary, or renormalised over the allowed tokens")
      .choices({"full", "renorm"});
}

}  // namespace genrec::mmgrec
