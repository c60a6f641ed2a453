/* Completes a prompt with llama.cpp, greedily, and writes each piece of the text as soon as it is there: what
   scripts/measure_start.py starts beside `inflight generate`. Python's own start and memory are not llama.cpp's.

   llama_generate MODEL THREADS TOKENS PROMPT */

#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what) {
  fprintf(stderr, "llama_generate: %s\n", what);
  exit(1);
}

static void silent(enum ggml_log_level level, const char *text, void *data) { (void)level, (void)text, (void)data; }

int main(int count, char **arguments) {
  if (count != 5) fail("MODEL THREADS TOKENS PROMPT");
  const int threads = atoi(arguments[2]), wanted = atoi(arguments[3]);
  const char *prompt = arguments[4];
  llama_log_set(silent, NULL);
  llama_backend_init();
  struct llama_model *model = llama_model_load_from_file(arguments[1], llama_model_default_params());
  if (!model) fail("cannot load the model");
  const struct llama_vocab *vocabulary = llama_model_get_vocab(model);

  llama_token tokens[512];
  const int length = llama_tokenize(vocabulary, prompt, (int)strlen(prompt), tokens, 512, true, true);
  if (length < 1 || length + wanted > 512) fail("the prompt and its answer are more than 512 tokens");
  struct llama_context_params parameters = llama_context_default_params();
  parameters.n_ctx = 512;
  parameters.n_threads = parameters.n_threads_batch = threads;
  struct llama_context *context = llama_init_from_model(model, parameters);
  if (!context) fail("cannot make a context");

  struct llama_batch batch = llama_batch_get_one(tokens, length);
  llama_token next = 0;
  for (int i = 0; i < wanted; i++) {
    if (llama_decode(context, batch) != 0) fail("a pass failed");
    const float *logits = llama_get_logits_ith(context, -1);
    next = 0;
    for (int j = 1; j < llama_vocab_n_tokens(vocabulary); j++) {
      if (logits[j] > logits[next]) next = j;
    }
    char piece[256];
    const int size = llama_token_to_piece(vocabulary, next, piece, sizeof piece, 0, true);
    fwrite(piece, 1, size > 0 ? (size_t)size : 0, stdout);
    fflush(stdout);
    batch = llama_batch_get_one(&next, 1);
  }
  llama_free(context);
  llama_model_free(model);
  return 0;
}
