/*
 * A character that answers a word with an action and learns new words, one short call at a time: whoever runs
 * the loop decides when the next step is made. What it has been taught outlives the process.
 */
#ifndef CHARACTER_H
#define CHARACTER_H

#include <stddef.h>

#include "peft/peft.h"

enum { CHARACTER_LESSONS = 64, CHARACTER_WORD = 80 };

typedef struct lesson {
  char word[CHARACTER_WORD], action[CHARACTER_WORD];
} lesson;

typedef struct character {
  const char* folder;
  peft_context* context;
  peft_model* model;
  peft_tokenizer* tokenizer;
  peft_adapter* adapter;
  peft_trainer* trainer; /* of the lesson that is being learned, or NULL */
  lesson lessons[CHARACTER_LESSONS];
  int taught, learned;                       /* lessons */
  long long step, total_steps, resumed_from; /* of the last training */
  double loss;
} character;

/* Wakes the character up with what folder remembers. Status and peft_last_error as of the library. */
peft_status character_wake(character* self, const char* model, const char* folder);

/* Remembers a lesson for good; it is learned by and by. PEFT_E_INVALID_ARGUMENT or PEFT_E_LIMIT if it cannot
   be one. */
peft_status character_teach(character* self, const char* word, const char* action);

/* 1 while there is something to learn. */
int character_is_busy(const character* self);

/* Does one thing of a training: begins it, makes one step, saves, or ends it. */
peft_status character_study(character* self);

/* A session that will say what the character does on a word: pull it with peft_session_next, free it. */
peft_status character_ask(const character* self, const char* word, peft_session** out);

/* Leaves a checkpoint where a lesson is being learned, and lets go of everything. */
peft_status character_sleep(character* self);

#endif
