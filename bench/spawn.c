// Starts one process per message, as Postfix's pipe(8) does, and prints how fast that went as one line of JSON.
//   spawn COUNT PARALLEL FOLDER COMMAND [ARG...]     the messages of FOLDER in turn, each on standard input
// A process that ends with anything but 0 counts as an error.
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MAX_FILES = 4096, MAX_PARALLEL = 64 };

struct job {
  pid_t pid;
  double started_ms;
};

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static int compare_times(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static int list_files(const char *folder, char **files) {
  DIR *directory = opendir(folder);
  if (!directory) { perror(folder); exit(2); }
  int count = 0;
  for (struct dirent *entry; (entry = readdir(directory)) && count < MAX_FILES;) {
    if (entry->d_name[0] == '.') continue;
    size_t length = strlen(folder) + strlen(entry->d_name) + 2;
    files[count] = malloc(length);
    snprintf(files[count++], length, "%s/%s", folder, entry->d_name);
  }
  closedir(directory);
  qsort(files, count, sizeof *files, compare_names);
  return count;
}

static pid_t start(const char *message, char **command) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, message, O_RDONLY, 0);
  pid_t pid;
  int failed = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) { fprintf(stderr, "%s: %s\n", command[0], strerror(failed)); exit(2); }
  return pid;
}

int main(int argc, char **argv) {
  if (argc < 5) { fprintf(stderr, "usage: spawn COUNT PARALLEL FOLDER COMMAND [ARG...]\n"); return 2; }
  int count = atoi(argv[1]), parallel = atoi(argv[2]);
  static char *files[MAX_FILES];
  int file_count = list_files(argv[3], files);
  if (count < 1 || parallel < 1 || parallel > MAX_PARALLEL || file_count == 0) { fprintf(stderr, "spawn: nothing to do\n"); return 2; }
  struct job jobs[MAX_PARALLEL] = {{0}};
  double *times = calloc(count, sizeof *times);
  int started = 0, ended = 0, errors = 0;
  double begin = now_ms();
  while (ended < count) {
    for (int i = 0; i < parallel && started < count; i++) {
      if (jobs[i].pid) continue;
      jobs[i].started_ms = now_ms();
      jobs[i].pid = start(files[started++ % file_count], argv + 4);
    }
    int status;
    pid_t pid = wait(&status);
    for (int i = 0; i < parallel; i++) {
      if (jobs[i].pid != pid) continue;
      times[ended++] = now_ms() - jobs[i].started_ms;
      jobs[i].pid = 0;
      if (!WIFEXITED(status) || WEXITSTATUS(status)) errors++;
    }
  }
  double elapsed = now_ms() - begin;
  qsort(times, count, sizeof *times, compare_times);
  printf("{\"count\":%d,\"errors\":%d,\"perSecond\":%.1f,\"p50Ms\":%.2f,\"p99Ms\":%.2f}\n", count, errors, count / elapsed * 1e3,
         times[count / 2], times[(count * 99) / 100]);
  return errors ? 1 : 0;
}
