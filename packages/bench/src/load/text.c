#include "text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define WORDS 4096
#define WORD_BYTES_MAX 16
#define SYLLABLES_MAX 5
#define NUMBER_EVERY 12

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* Frequent words are short ones. */
static void make_word(char *word, size_t rank, uint32_t *state) {
  static const char consonants[] = "bdfgklmnprstvz", vowels[] = "aeiou";
  size_t syllables = 1 + (size_t)(log2((double)rank + 1) / 4) + next_random(state) % 2;
  if (syllables > SYLLABLES_MAX) syllables = SYLLABLES_MAX;
  for (size_t i = 0; i < syllables; i++) {
    *word++ = consonants[next_random(state) % (sizeof consonants - 1)];
    *word++ = vowels[next_random(state) % (sizeof vowels - 1)];
    if (next_random(state) % 3 == 0) *word++ = consonants[next_random(state) % (sizeof consonants - 1)];
  }
  *word = '\0';
}

/* The word of rank r comes about as often as 1 / r. */
static size_t choose_rank(uint32_t *state) {
  double share = (double)next_random(state) / 4294967296.0;
  return (size_t)exp(share * log(WORDS)) - 1;
}

char *make_text(void) {
  static char words[WORDS][WORD_BYTES_MAX];
  uint32_t state = 2463534242;
  for (size_t rank = 0; rank < WORDS; rank++) make_word(words[rank], rank, &state);
  char *text = malloc(TEXT_BYTES);
  if (text == NULL) fail("Out of memory for a text of %d bytes", TEXT_BYTES);
  for (size_t at = 0; at < TEXT_BYTES;) {
    char piece[2 * WORD_BYTES_MAX];
    if (next_random(&state) % NUMBER_EVERY == 0) snprintf(piece, sizeof piece, "%u, ", next_random(&state) % 1000000);
    else snprintf(piece, sizeof piece, "%s ", words[choose_rank(&state)]);
    size_t size = strlen(piece);
    if (size > TEXT_BYTES - at) size = TEXT_BYTES - at;
    memcpy(text + at, piece, size);
    at += size;
  }
  return text;
}

struct values make_values(char *text, size_t bytes, size_t begin) {
  if (bytes > TEXT_BYTES / 2) fail("Values have at most %d bytes", TEXT_BYTES / 2);
  return (struct values){.text = text, .bytes = bytes, .at = begin % (TEXT_BYTES - bytes)};
}

char *next_value(struct values *values) {
  char *value = values->text + values->at;
  size_t ends = TEXT_BYTES - values->bytes;
  values->at += values->bytes;
  if (values->at > ends) values->at -= ends;
  return value;
}
