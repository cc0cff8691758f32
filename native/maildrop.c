// maildrop -d RECIPIENT [-f SENDER]: what an MTA's pipe runs for a recipient, the message on standard input. It hands
// the message to the Mailweir service by LMTP (RFC 2033) over a unix socket, prints the reply's text unless the message
// was taken, and ends with the outcome's exit code. With no service there, the same command in Node does the work.
// Whatever goes wrong here is "try later": exit code 75 and a text that begins with an enhanced status, for an exit
// code that Postfix does not know bounces the mail. mta/pipe/ is the same in Node; one test suite runs both.

#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef NODE
#define NODE "node"
#endif
#ifndef VERSION
#define VERSION "of a build without a version"
#endif
#define NODE_COMMAND "../dist/bin/maildrop.js" // seen from the folder of this program
#define DEFAULT_SOCKET_PATH "/run/mailweir/lmtp.sock"

enum {
  EXIT_TAKEN = 0,
  EXIT_NO_SUCH_MAILBOX = 67,
  EXIT_SYSTEM_FAULT = 71,
  EXIT_LATER = 75,
  EXIT_REFUSED = 77,
  // Below the 1000 seconds after which Postfix kills the command and bounces the mail.
  TOTAL_TIMEOUT_SECONDS = 900,
  // A full backlog means a busy service, not a missing one.
  CONNECT_TIMEOUT_SECONDS = 10,
  GOODBYE_TIMEOUT_SECONDS = 1,
  MAX_ADDRESS_BYTES = 320,
  MAX_REPLY_LINE_BYTES = 2000,
  MAX_REPLY_LINES = 100,
  MAX_REPLY_TEXT_BYTES = 4000,
  CHUNK_BYTES = 64 * 1024,
};

static const char HELP[] =
    "Usage: maildrop -d RECIPIENT [-f SENDER] [--socket PATH] [--config FILE]\n"
    "Delivers the message on standard input to RECIPIENT.\n"
    "  -d RECIPIENT           whom the message is for: an address or a user\n"
    "  -f SENDER              the envelope sender; without it the Return-Path on top of the message, if there is one\n"
    "  -V LEVEL               taken and ignored, as maildrop does when it delivers\n"
    "  --socket PATH          the service's LMTP socket (else $MAILWEIR_SOCKET, else " DEFAULT_SOCKET_PATH ")\n"
    "  --config FILE          the settings when there is no service (else $MAILWEIR_CONFIG)\n"
    "  --timeout-seconds N    after this the answer is \"try later\" (1 to 900, else 900)\n"
    "  -v, --version          prints the version\n"
    "  -h, --help             prints this text\n";

// ---- The end: every path out of this program goes through one of these ----

static volatile sig_atomic_t decided_exit = -1;

static void print(const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t written = write(STDOUT_FILENO, text, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return; // nobody listens; the exit code says enough
    text += written;
    length -= (size_t)written;
  }
}

static _Noreturn void end_with(int exit_code, const char *text) {
  decided_exit = exit_code;
  print(text);
  _exit(exit_code);
}

/** Ends with "try later"; 4.3.0 is for what may pass by itself, 4.3.5 for what the administrator has to mend. */
static _Noreturn void try_later(const char *status, const char *what, const char *detail) {
  char text[1024];
  snprintf(text, sizeof text, "%s maildrop: %s%s%.400s\n", status, what, detail ? ": " : "", detail ? detail : "");
  end_with(EXIT_LATER, text);
}

static void on_signal(int signal_number) {
  if (decided_exit >= 0) _exit(decided_exit);
  print(signal_number == SIGALRM ? "4.3.0 maildrop: the mail service did not answer in time\n"
                                 : "4.3.0 maildrop: interrupted by a signal\n");
  _exit(EXIT_LATER);
}

static void on_broken_pipe(int signal_number) { (void)signal_number; } // a handler, for exec resets handlers

static void catch_signals(void) {
  static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGALRM};
  struct sigaction action = {.sa_handler = on_signal};
  sigset_t none;
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) sigaction(ending[i], &action, NULL);
  action.sa_handler = on_broken_pipe;
  sigaction(SIGPIPE, &action, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/** A socket opened while 1 or 2 is closed would take its number and receive our texts. */
static void check_standard_files(void) {
  if (fcntl(STDIN_FILENO, F_GETFD) < 0) try_later("4.3.0", "standard input is closed, there is no message", NULL);
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_WRONLY) != fd)
      try_later("4.3.0", "cannot open /dev/null", strerror(errno));
}

// ---- The command line ----

struct options {
  const char *recipient;
  const char *sender; // NULL: not given
  const char *socket_path;
  unsigned timeout_seconds;
};

static _Noreturn void mistake(const char *what, const char *detail) { try_later("4.3.5", what, detail); }

static unsigned seconds_from(const char *text) {
  char *end;
  unsigned long seconds = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || seconds < 1 || seconds > TOTAL_TIMEOUT_SECONDS)
    mistake("--timeout-seconds takes a number from 1 to 900", text);
  return (unsigned)seconds;
}

static _Noreturn void print_version(void) { end_with(EXIT_TAKEN, "maildrop command of Mailweir " VERSION "\n"); }

static void take_option(struct options *options, const char *name, const char *value) {
  if (strcmp(name, "-d") == 0) {
    if (options->recipient) mistake("-d is given twice, one recipient is taken", value);
    options->recipient = value;
  } else if (strcmp(name, "-f") == 0) {
    options->sender = value;
  } else if (strcmp(name, "--socket") == 0) {
    options->socket_path = value;
  } else if (strcmp(name, "--timeout-seconds") == 0) {
    options->timeout_seconds = seconds_from(value);
  } // -V and --config: nothing to do here
}

static const char *value_after(const char *name, const char *attached, char **argv, int *index) {
  if (attached) return attached;
  if (!argv[*index + 1]) mistake("a value is missing after", name);
  return argv[++*index];
}

static void take_short_option(struct options *options, char **argv, int *index) {
  const char *argument = argv[*index];
  char name[] = {'-', argument[1], '\0'};
  if (strchr("dfV", argument[1])) {
    take_option(options, name, value_after(name, argument[2] ? argument + 2 : NULL, argv, index));
    return;
  }
  if (argument[2] == '\0' && argument[1] == 'v') print_version();
  if (argument[2] == '\0' && argument[1] == 'h') end_with(EXIT_TAKEN, HELP);
  mistake(strchr("aADmMtwW", argument[1]) ? "this option of maildrop is not supported" : "unknown option", argument);
}

static void take_long_option(struct options *options, char **argv, int *index) {
  static const char *const with_value[] = {"--socket", "--config", "--timeout-seconds"};
  const char *argument = argv[*index];
  if (strcmp(argument, "--version") == 0) print_version();
  if (strcmp(argument, "--help") == 0) end_with(EXIT_TAKEN, HELP);
  for (size_t i = 0; i < sizeof with_value / sizeof *with_value; i++) {
    size_t length = strlen(with_value[i]);
    if (strncmp(argument, with_value[i], length) != 0) continue;
    if (argument[length] != '\0' && argument[length] != '=') continue;
    const char *attached = argument[length] == '=' ? argument + length + 1 : NULL;
    take_option(options, with_value[i], value_after(with_value[i], attached, argv, index));
    return;
  }
  mistake("unknown option", argument);
}

static struct options parse_command_line(char **argv) {
  struct options options = {.socket_path = getenv("MAILWEIR_SOCKET"), .timeout_seconds = TOTAL_TIMEOUT_SECONDS};
  int index = 1;
  if (!argv[0]) mistake("started without a name", NULL);
  if (!options.socket_path || !*options.socket_path) options.socket_path = DEFAULT_SOCKET_PATH;
  for (; argv[index] && argv[index][0] == '-' && argv[index][1]; index++) {
    if (strcmp(argv[index], "--") == 0) {
      index++;
      break;
    }
    if (argv[index][1] == '-') take_long_option(&options, argv, &index);
    else take_short_option(&options, argv, &index);
  }
  if (argv[index]) mistake("a filter file or its arguments on the command line are not supported", argv[index]);
  if (!options.recipient) mistake("no recipient: -d RECIPIENT is needed", NULL);
  return options;
}

// ---- Addresses ----

/** Exact UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
static bool is_utf8(const unsigned char *text) {
  while (*text) {
    unsigned char lead = *text++;
    int more = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (more < 0) return false;
    for (; more > 0; more--, low = 0x80, high = 0xbf) {
      if (*text < low || *text > high) return false;
      text++;
    }
  }
  return true;
}

static bool has_control(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) return true;
  return false;
}

static bool is_8bit(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text >= 0x80) return true;
  return false;
}

static bool is_domain(const char *domain) {
  size_t length = strlen(domain);
  if (length > 2 && domain[0] == '[' && domain[length - 1] == ']')
    return strspn(domain + 1, "0123456789ABCDEFabcdef:.IPv") == length - 2;
  return length > 0 && !strpbrk(domain, " \"<>()[]\\,;:@/");
}

/** `"…"` with every quote and backslash inside escaped. */
static bool is_quoted(const char *local, size_t length) {
  if (length < 3 || local[0] != '"' || local[length - 1] != '"') return false;
  for (size_t i = 1; i < length - 1; i++) {
    if (local[i] == '"') return false;
    if (local[i] == '\\' && ++i == length - 1) return false;
  }
  return true;
}

/**
 * Writes `text` as an envelope has it. An MTA may give a local part with blanks unquoted (pipe(8) without the flag q):
 * it gets its quotes here. False for what is no address.
 */
static bool write_address(const char *text, char address[MAX_ADDRESS_BYTES + 1]) {
  const char *at = is_quoted(text, strlen(text)) ? NULL : strrchr(text, '@');
  size_t local_length = at ? (size_t)(at - text) : strlen(text);
  size_t length = 0;
  if (strlen(text) > MAX_ADDRESS_BYTES || local_length == 0 || has_control(text)) return false;
  if (!is_utf8((const unsigned char *)text)) return false;
  if (at && !is_domain(at + 1)) return false;
  if (strcspn(text, " \"<>()[]\\,;:@") >= local_length || is_quoted(text, local_length)) {
    strcpy(address, text);
    return true;
  }
  address[length++] = '"';
  for (size_t i = 0; i < local_length; i++) {
    if (length + 4 > MAX_ADDRESS_BYTES) return false;
    if (text[i] == '"' || text[i] == '\\') address[length++] = '\\';
    address[length++] = text[i];
  }
  address[length++] = '"';
  if (length + strlen(text + local_length) > MAX_ADDRESS_BYTES) return false;
  strcpy(address + length, text + local_length);
  return true;
}

/** The sender as given: empty, `<>` and Postfix's MAILER-DAEMON are the null sender, written as an empty text. */
static bool write_sender(const char *text, char address[MAX_ADDRESS_BYTES + 1]) {
  char inner[MAX_ADDRESS_BYTES + 3];
  size_t length = strlen(text);
  if (length >= sizeof inner) return false;
  strcpy(inner, text);
  if (length >= 2 && inner[0] == '<' && inner[length - 1] == '>') {
    inner[length - 1] = '\0';
    memmove(inner, inner + 1, length - 1);
  }
  address[0] = '\0';
  if (inner[0] == '\0' || strcmp(inner, "MAILER-DAEMON") == 0) return true;
  return write_address(inner, address);
}

// ---- The message on standard input ----

static struct {
  char bytes[CHUNK_BYTES];
  size_t length;
  bool ended;
} input;

/** Appends what standard input has. A message that cannot be read to its end must never be accepted. */
static void read_input(void) {
  ssize_t count;
  do count = read(STDIN_FILENO, input.bytes + input.length, sizeof input.bytes - input.length);
  while (count < 0 && errno == EINTR);
  if (count < 0) try_later("4.3.0", "cannot read the message", strerror(errno));
  if (count == 0) input.ended = true;
  input.length += (size_t)count;
}

static bool begins_with_any(const char *line, size_t length, const char *const *names) {
  for (; *names; names++)
    if (length >= strlen(*names) && strncasecmp(line, *names, strlen(*names)) == 0) return true;
  return false;
}

static void take_return_path(const char *value, size_t length, char sender[MAX_ADDRESS_BYTES + 1]) {
  char text[MAX_ADDRESS_BYTES + 3];
  while (length > 0 && strchr(" \t", *value)) value++, length--;
  while (length > 0 && strchr(" \t\r", value[length - 1])) length--;
  if (length >= sizeof text || memchr(value, '\0', length)) return;
  memcpy(text, value, length);
  text[length] = '\0';
  if (!write_sender(text, sender)) sender[0] = '\0';
}

/**
 * Looks for the Return-Path that the last MTA put on top (RFC 5321 4.4), where only its other trace lines may come
 * first. One further down was written by somebody on the way. False while more of the message is needed.
 */
static bool find_return_path(char sender[MAX_ADDRESS_BYTES + 1]) {
  static const char *const return_path[] = {"Return-Path:", NULL};
  static const char *const beside_it[] = {
      "From ", "Delivered-To:", "X-Original-To:", "Envelope-To:", "Delivery-Date:", " ", "\t", NULL};
  const char *line = input.bytes;
  const char *end = input.bytes + input.length;
  sender[0] = '\0';
  for (;;) {
    const char *line_end = memchr(line, '\n', (size_t)(end - line));
    if (!line_end) return input.ended || input.length == sizeof input.bytes;
    size_t length = (size_t)(line_end - line);
    if (begins_with_any(line, length, return_path)) {
      take_return_path(line + strlen(return_path[0]), length - strlen(return_path[0]), sender);
      return true;
    }
    if (!begins_with_any(line, length, beside_it)) return true;
    line = line_end + 1;
  }
}

// ---- The connection ----

static struct {
  int fd;
  char bytes[4096];
  size_t start;
  size_t end;
} service;

struct reply {
  int code;
  char text[MAX_REPLY_TEXT_BYTES + 1]; // its lines, joined by '\n'
};

static int next_byte(void) {
  if (service.start == service.end) {
    ssize_t count;
    do count = recv(service.fd, service.bytes, sizeof service.bytes, 0);
    while (count < 0 && errno == EINTR);
    if (count <= 0)
      try_later("4.3.0", "the mail service closed the connection", count < 0 ? strerror(errno) : NULL);
    service.start = 0;
    service.end = (size_t)count;
  }
  return (unsigned char)service.bytes[service.start++];
}

static _Noreturn void unreadable_reply(void) { try_later("4.3.0", "the mail service gave an unreadable answer", NULL); }

static size_t read_line(char line[MAX_REPLY_LINE_BYTES + 1]) {
  size_t length = 0;
  for (;;) {
    int byte = next_byte();
    if (byte == '\r') {
      if (next_byte() != '\n') unreadable_reply();
      line[length] = '\0';
      return length;
    }
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f || length == MAX_REPLY_LINE_BYTES) unreadable_reply();
    line[length++] = (char)byte;
  }
}

static bool is_digit(char character) { return character >= '0' && character <= '9'; }

/** The length of an enhanced status of that class at the beginning (RFC 3463), or 0. */
static size_t status_length(const char *text, char class) {
  size_t length = 1;
  if (text[0] != class) return 0;
  for (int part = 0; part < 2; part++) {
    if (text[length++] != '.') return 0;
    size_t digits = strspn(text + length, "0123456789");
    if (digits < 1 || digits > 3) return 0;
    length += digits;
  }
  return text[length] == ' ' || text[length] == '\0' ? length : 0;
}

/** Adds one line of a reply; the status that RFC 2034 repeats on every line is kept once. */
static void add_line(struct reply *reply, size_t *length, const char *line, bool is_first) {
  size_t status = is_first ? 0 : status_length(line, (char)('0' + reply->code / 100));
  if (status > 0 && strncmp(line, reply->text, status) == 0) line += line[status] ? status + 1 : status;
  size_t more = strlen(line);
  if (*length + 1 + more > MAX_REPLY_TEXT_BYTES) unreadable_reply();
  if (!is_first) reply->text[(*length)++] = '\n';
  memcpy(reply->text + *length, line, more + 1);
  *length += more;
}

/** RFC 5321 4.2.1: the same code on each line, a hyphen after all but the last. */
static void read_reply(struct reply *reply) {
  char line[MAX_REPLY_LINE_BYTES + 1];
  size_t length = 0;
  reply->text[0] = '\0';
  for (int count = 0; count < MAX_REPLY_LINES; count++) {
    if (read_line(line) < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2])) break;
    int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (count > 0 && code != reply->code) break;
    reply->code = code;
    if (line[3] != '\0' && line[3] != ' ' && line[3] != '-') break;
    add_line(reply, &length, line[3] ? line + 4 : "", count == 0);
    if (line[3] != '-') return;
  }
  unreadable_reply();
}

// ---- What an answer means ----

static int exit_of_class(const struct reply *reply) {
  if (reply->code / 100 == 2) return EXIT_TAKEN;
  if (reply->code / 100 != 5) return EXIT_LATER;
  bool no_such_mailbox = status_length(reply->text, '5') == 5 && memcmp(reply->text, "5.1.1", 5) == 0;
  return no_such_mailbox ? EXIT_NO_SUCH_MAILBOX : EXIT_REFUSED;
}

/** Takes ` (exit NN)` off the end, which the service adds because MAIL asked for it; -1 when there is none. */
static int take_exit_code(char *text) {
  char *found = NULL;
  for (char *next = text; (next = strstr(next, "(exit ")); next++) found = next;
  if (!found) return -1;
  const char *digits = found + strlen("(exit ");
  size_t count = strspn(digits, "0123456789");
  if (count < 1 || count > 3 || strcmp(digits + count, ")") != 0 || atoi(digits) > 255) return -1;
  while (found > text && (found[-1] == ' ' || found[-1] == '\n')) found--;
  *found = '\0';
  return atoi(digits);
}

/** Postfix believes the text's status more than the exit code, so the two must say the same. */
static bool agrees(int code, int exit_code) {
  bool is_later = exit_code == EXIT_LATER || exit_code == EXIT_SYSTEM_FAULT;
  int class = exit_code == EXIT_TAKEN ? 2 : is_later ? 4 : 5;
  return code / 100 == class;
}

static _Noreturn void end_with_reply(struct reply *reply) {
  char text[MAX_REPLY_TEXT_BYTES + 16];
  int exit_code = take_exit_code(reply->text);
  if (exit_code < 0) exit_code = exit_of_class(reply);
  for (char *character = reply->text; *character; character++)
    if (*character == '\n' || *character == '\t') *character = ' ';
  if (!agrees(reply->code, exit_code)) try_later("4.3.0", "the mail service contradicted itself", reply->text);
  if (exit_code == EXIT_TAKEN) end_with(EXIT_TAKEN, "");
  char class = (char)('0' + reply->code / 100);
  if (status_length(reply->text, class) > 0) snprintf(text, sizeof text, "%s\n", reply->text);
  else snprintf(text, sizeof text, "%c.3.0 %s\n", class, reply->text);
  end_with(exit_code, text);
}

/** Lets the service answer what was sent ahead, so that it does not write to somebody who has gone. */
static void leave(void) {
  struct timeval limit = {.tv_sec = GOODBYE_TIMEOUT_SECONDS};
  setsockopt(service.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  shutdown(service.fd, SHUT_WR);
  while (recv(service.fd, service.bytes, sizeof service.bytes, 0) > 0) continue;
}

/** The reply to a command; a refusal ends the program with it. */
static void expect(int class, struct reply *reply) {
  read_reply(reply);
  if (reply->code >= 400) {
    leave();
    end_with_reply(reply);
  }
  if (reply->code / 100 != class) unreadable_reply();
}

/** An answer that comes before the message's end can refuse it but never accept it. */
static _Noreturn void end_with_early_reply(void) {
  struct reply reply;
  expect(4, &reply);
  unreadable_reply();
}

// ---- The conversation ----

static bool sent(const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = send(service.fd, bytes, length, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes += count;
    length -= (size_t)count;
  }
  return true;
}

static bool has_early_reply(void) {
  char byte;
  return service.start < service.end || recv(service.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/**
 * Encodes what was read: every LF becomes CR LF, so that a CR before it stays a byte of the message, and a dot that
 * begins a line is doubled (RFC 5321 4.5.2).
 */
static size_t encode_input(char *output, bool *at_line_start) {
  size_t length = 0;
  for (size_t i = 0; i < input.length; i++) {
    char byte = input.bytes[i];
    if (byte == '.' && *at_line_start) output[length++] = '.';
    if (byte == '\n') output[length++] = '\r';
    output[length++] = byte;
    *at_line_start = byte == '\n';
  }
  input.length = 0;
  return length;
}

static void send_message(void) {
  static char output[2 * CHUNK_BYTES + 16];
  bool at_line_start = true;
  for (bool is_empty = true;;) {
    size_t length = encode_input(output, &at_line_start);
    if (length > 0) is_empty = false;
    if (!input.ended) read_input();
    if (input.ended) {
      if (is_empty) try_later("4.3.0", "standard input is empty, there is no message", NULL);
      if (has_early_reply()) end_with_early_reply();
      // A last line without its line end gets one. QUIT may go with the message's end (RFC 2920 3.1): so the service
      // answers both at once, and does not write to somebody who has gone.
      const char *end = at_line_start ? ".\r\nQUIT\r\n" : "\r\n.\r\nQUIT\r\n";
      memcpy(output + length, end, strlen(end));
      length += strlen(end);
    }
    if (!sent(output, length)) end_with_early_reply();
    if (input.ended) return;
  }
}

static bool announces(const struct reply *reply, const char *keyword) {
  size_t length = strlen(keyword);
  const char *line = strchr(reply->text, '\n'); // the first line is the greeting
  for (; line; line = strchr(line, '\n')) {
    line++;
    if (strncasecmp(line, keyword, length) == 0 && strchr(" \n", line[length])) return true;
  }
  return false;
}

static void converse(const char *sender, const char *recipient) {
  static const char greeting[] = "LHLO localhost\r\n";
  struct reply reply;
  char commands[2 * MAX_ADDRESS_BYTES + 128];
  expect(2, &reply);
  if (!sent(greeting, strlen(greeting))) end_with_early_reply();
  expect(2, &reply);
  bool needs_utf8 = is_8bit(sender) || is_8bit(recipient);
  if (needs_utf8 && !announces(&reply, "SMTPUTF8"))
    try_later("4.3.5", "the mail service does not take addresses in UTF-8", recipient);
  int length = snprintf(commands, sizeof commands, "MAIL FROM:<%s>%s%s%s\r\nRCPT TO:<%s>\r\nDATA\r\n", sender,
                        announces(&reply, "8BITMIME") ? " BODY=8BITMIME" : "", needs_utf8 ? " SMTPUTF8" : "",
                        announces(&reply, "XEXITCODE") ? " XEXITCODE" : "", recipient);
  // One write and one wait (RFC 2920); a refused recipient ends the program before the 503 that DATA then gets.
  if (!sent(commands, (size_t)length)) end_with_early_reply();
  expect(2, &reply); // MAIL
  expect(2, &reply); // RCPT
  expect(3, &reply);
  send_message();
  read_reply(&reply);
  if (reply.code / 100 == 3) unreadable_reply();
  end_with_reply(&reply);
}

// ---- Finding the service, or doing without ----

/**
 * Loads the command. Until the command itself says otherwise the exit code is 75: a file that an upgrade has left empty or
 * cut short would end with 0 or 1, and the mail would be gone or bounced.
 */
#define BOOTSTRAP                                                                                                    \
  "process.exitCode=75;import(require('node:url').pathToFileURL(process.argv[1])).catch(e=>{"                         \
  "console.log('4.3.5 maildrop: '+String(e.message).replace(/\\s+/g,' '));process.exit(75)})"

/** The same command in Node; nothing has been read from standard input yet. For a missing file Node would end with 1. */
static _Noreturn void run_in_node(int argc, char **argv) {
  char script[4096];
  char node[] = NODE;
  ssize_t length = readlink("/proc/self/exe", script, sizeof script - sizeof NODE_COMMAND);
  static char evaluate[] = "--eval", bootstrap[] = BOOTSTRAP, end_of_options[] = "--";
  char **arguments = calloc((size_t)argc + 5, sizeof *arguments);
  if (!arguments) try_later("4.3.0", "out of memory", NULL);
  if (length <= 0) try_later("4.3.0", "no mail service, and /proc cannot be read", NULL);
  while (length > 0 && script[length - 1] != '/') length--;
  strcpy(script + length, NODE_COMMAND);
  if (access(script, R_OK) != 0) try_later("4.3.5", "no mail service is running, and to do without needs the file", script);
  arguments[0] = node;
  arguments[1] = evaluate;
  arguments[2] = bootstrap;
  arguments[3] = end_of_options;
  arguments[4] = script;
  for (int i = 1; i < argc; i++) arguments[i + 4] = argv[i];
  alarm(0);
  execv(node, arguments);
  execvp("node", arguments);
  try_later("4.3.5", "no mail service is running, and Node cannot be started", strerror(errno));
}

/** False when there is no service. */
static bool connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  // Only for connect: a full backlog makes it wait.
  struct timeval limit = {.tv_sec = CONNECT_TIMEOUT_SECONDS};
  struct timeval no_limit = {0};
  if (strlen(path) >= sizeof address.sun_path) mistake("the socket's path is too long", path);
  strcpy(address.sun_path, path);
  service.fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (service.fd < 0) try_later("4.3.0", "cannot make a socket", strerror(errno));
  setsockopt(service.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  int failed;
  do failed = connect(service.fd, (struct sockaddr *)&address, sizeof address);
  while (failed && errno == EINTR);
  if (!failed) {
    setsockopt(service.fd, SOL_SOCKET, SO_SNDTIMEO, &no_limit, sizeof no_limit);
    return true;
  }
  if (errno == ENOENT || errno == ECONNREFUSED) {
    close(service.fd);
    return false;
  }
  if (errno == EAGAIN) try_later("4.3.0", "the mail service is too busy", path);
  char detail[256];
  snprintf(detail, sizeof detail, "%.128s: %s", path, strerror(errno));
  try_later("4.3.5", "cannot connect to the mail service", detail);
}

int main(int argc, char **argv) {
  char sender[MAX_ADDRESS_BYTES + 1];
  char recipient[MAX_ADDRESS_BYTES + 1];
  catch_signals();
  check_standard_files();
  struct options options = parse_command_line(argv);
  if (!write_address(options.recipient, recipient)) mistake("-d: not an address", options.recipient);
  if (options.sender && !write_sender(options.sender, sender)) mistake("-f: not an address", options.sender);
  alarm(options.timeout_seconds);
  if (!connect_to(options.socket_path)) run_in_node(argc, argv);
  if (!options.sender)
    do read_input();
    while (!find_return_path(sender));
  converse(sender, recipient);
}
