/* The library opened at run time: what functions_open.c, which is generated, needs of open.c. */
#ifndef PEFT_GO_OPEN_H
#define PEFT_GO_OPEN_H

#include "peft/peft.h"

/* One slot for each function of the library, by its number in peft_go_names. */
extern const char *const peft_go_names[];
extern const int peft_go_name_count;
extern void *peft_go_functions[];

/* 1 when the library is there; opens it the first time. */
int peft_go_open(void);

/* Why it is not there, for peft_last_error. */
peft_status peft_go_why_not(char *buf, size_t cap, size_t *len);

#endif
