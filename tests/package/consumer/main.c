/* A program outside the project: loads a model and says what it is. Arguments: MODEL_FOLDER VERSION. */
#include <peft/peft.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **values) {
  peft_context *context = NULL;
  peft_model *model = NULL;
  peft_model_info info;
  char message[512] = "";
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  if (count != 3 || strcmp(peft_version(), values[2]) != 0 || peft_abi_version() != PEFT_ABI_VERSION) {
    fprintf(stderr, "libpeft %s is not the package's version\n", peft_version());
    return 1;
  }
  if (peft_context_create(NULL, &context) != PEFT_OK ||
      peft_model_load(context, values[1], NULL, &model) != PEFT_OK ||
      peft_model_get_info(model, &info) != PEFT_OK) {
    peft_last_error(message, sizeof message, NULL);
    fprintf(stderr, "%s\n", message);
    return 1;
  }
  printf("libpeft %s, a %s with %d layers\n", peft_version(), info.family, (int)info.layers);
  peft_model_free(model);
  peft_context_free(context);
  return strcmp(info.family, "llama") == 0 ? 0 : 1;
}
