/*
 * words - the rows of the table of words.  Data only.
 */
#include "milter-manager/config/words.h"

#include <stddef.h>

/* In the order of the page. */
const struct word configuration_words[] = {
    /* Files. */
    {"files", "Configuration", "", "load", "(PATH)", NULL,
     "Loads that file. A directory means all files in it but hidden ones, a pattern such as "
     "`\"conditions/*.conf\"` all that match, in the order of their names. It is an error when "
     "there is none."},
    {"files", "Configuration", "", "load_if_exist", "(PATH)", NULL,
     "The same, without the error. Returns whether there was one."},
    {"files", "Configuration", "", "load_default", "", NULL,
     "`load_if_exist(\"defaults/PLATFORM.conf\")` with `package.platform`: detects the installed "
     "milters."},

    /* What belongs to a group of items and is no row there. */
    {"manager", "manager", "manager.", "record_sessions_conditions", "", "[]",
     "Conditions that must all hold for a session to be recorded, by name"},
    {"manager calls", "manager", "manager.", "add_record_sessions_condition", "(NAME)", NULL,
     "Adds a condition that must hold for a session to be recorded."},
    {"database", "database", "database.", "extra_options", "", "{}",
     "Further options of the adapter, a hash"},
    {"database calls", "database", "database.", "setup", "", NULL,
     "Makes the database of these items available to conditions, without connecting yet. Again in "
     "the same load it does nothing. What is missing, an item or a package, is an error."},
    {"database calls", "database", "database.", "load_models", "(PATTERN)", NULL,
     "Loads files with classes of ActiveRecord, found as by `load`. A mistake in one is logged, "
     "with its place, and ends nothing."},

    /* Connection checkers and hooks. */
    {"checkers", "manager", "manager.", "define_connection_checker", "(NAME) {|context| ...}", NULL,
     "The block is asked every `manager.connection_check_interval` seconds; false means that the "
     "SMTP client has gone. The same name again replaces it."},
    {"checkers", "manager", "manager.", "use_netstat_connection_checker", "(SECONDS)", NULL,
     "Sets the interval, 5 when it is not given, and defines the checker `\"netstat\"`, which "
     "looks at the table of TCP connections."},
    {"checkers", "manager", "manager.", "netstat_connection_checker", "", NULL, "That checker."},
    {"hooks", "manager", "manager.", "maintained", " { ... }", NULL,
     "The block is called after each maintenance."},
    {"hooks", "manager", "manager.", "event_loop_created", " {|loop| ...}", NULL,
     "The block is called after the start, in the daemon, and after each reload."},
    {"hooks", "manager", "manager.", "report_memory_statistics", "", NULL,
     "Writes a statistics line `[maintain][memory]` after each maintenance: KB of memory, objects "
     "of "
     "Ruby."},

    {"checker context", "ConnectionContext", "context.", "smtp_client_address", "", NULL,
     "The address of the connect event."},
    {"checker context", "ConnectionContext", "context.", "smtp_server_address", "", NULL,
     "Where the mail server's connection comes from."},
    {"checker context", "ConnectionContext", "context.", "smtp_server_name", "", NULL,
     "The macro `v`."},
    {"loop", "EventLoop", "loop.", "add_timeout", "(SECONDS) { ... }", NULL, NULL},
    {"loop", "EventLoop", "loop.", "add_idle", " { ... }", NULL, NULL},
    {"loop", "EventLoop", "loop.", "watch_io", "(IO, EVENTS) {|io, events| ...}", NULL,
     "Calls the block after so many seconds, when nothing else is to be done, or when the IO is "
     "ready for `IO::READABLE` or `IO::WRITABLE`; again as long as it returns a true value. "
     "Returns a tag."},
    {"loop", "EventLoop", "loop.", "remove", "(TAG)", NULL,
     "Ends that. False when it is over already."},

    /* Children. */
    {"children", "Configuration", "", "define_milter", "(NAME) {|milter| ...}", NULL,
     "Creates the child NAME, or opens it again without changing its place. Children stand in "
     "the order in which they were created."},
    {"children", "Configuration", "", "defined_milters", "", NULL, "Their names."},
    {"children", "Configuration", "", "remove_milter", "(NAME)", NULL, "Takes one away."},
    {"milter", "milter", "milter.", "applicable_conditions", "", "[]",
     "Conditions that must all hold, by name or as objects"},
    {"milter calls", "milter", "milter.", "add_applicable_condition", "(NAME)", NULL, "Adds one."},
    {"milter calls", "milter", "milter.", "name", "", NULL, "The name, read only."},
    {"milter calls", "milter", "milter.", "enabled?", "", NULL, NULL},
    {"milter calls", "milter", "milter.", "evaluation_mode?", "", NULL,
     "The items of these names, for reading."},
    {"dnsbl", "Conditions::DNSBL", "dnsbl.", "add_service", "(DOMAIN, EXPECTED)", NULL,
     "Adds a list; with EXPECTED, an address or a network, only answers in it count."},
    {"dnsbl", "Conditions::DNSBL", "dnsbl.", "clear", "", NULL,
     "Takes all lists away; without any nobody is listed."},
    {"dnsbl", "Conditions::DNSBL", "dnsbl.", "name_server", " = SERVER", NULL, NULL},
    {"dnsbl", "Conditions::DNSBL", "dnsbl.", "name_servers", " = SERVERS", NULL,
     "Whom to ask, as `\"ADDRESS\"`, `\"ADDRESS:PORT\"` or `\"[ADDRESS]:PORT\"`. `nil`: those of "
     "the system."},
    {"dnsbl", "Conditions::DNSBL", "dnsbl.", "listed?", "(ADDRESS)", NULL,
     "What the shipped conditions ask, for conditions of your own."},
    {"policy", "Configuration", "", "define_policy", "(NAME) {|policy| ...}", NULL,
     "Says for which mail the milters of `policy.milters` are used."},

    /* Detection. */
    {"detection", "Configuration", "", "detect_milters", "(PLATFORM) {|search| ...}", NULL,
     "What `load_default` does, for a file of your own. In the block `search.milter(SCRIPT)` looks "
     "for one milter, `search.milter(SCRIPT, conditions: NAMES)` gives it these conditions. One "
     "that is not found is not defined."},

    {"policy items", "Policies::Policy", "policy.", "milters", " = NAMES", NULL,
     "The milters it is about; they have to be defined somewhere."},
    {"policy items", "Policies::Policy", "policy.", "host", " = M", NULL, NULL},
    {"policy items", "Policies::Policy", "policy.", "address", " = A", NULL,
     "One of them has to hold: the client's name, or its address: a network or what "
     "its text matches."},
    {"policy items", "Policies::Policy", "policy.", "fqdn", " = M", NULL, NULL},
    {"policy items", "Policies::Policy", "policy.", "from", " = M", NULL, NULL},
    {"policy items", "Policies::Policy", "policy.", "recipient", " = M", NULL,
     "What the client says at HELO, MAIL and RCPT; addresses with angle brackets or without."},

    /* Conditions. */
    {"conditions", "Configuration", "", "define_applicable_condition", "(NAME) {|condition| ...}",
     NULL, "Creates the condition NAME, or opens it again. Returns it."},
    {"conditions", "Configuration", "", "defined_applicable_conditions", "", NULL, "Their names."},
    {"conditions", "ApplicableCondition", "condition.", "description", " = TEXT", NULL,
     "A text for people."},
    {"conditions", "ApplicableCondition", "condition.", "name", "", NULL, "The name, read only."},

    /* What a stopper sees. */
    {"context", "Context", "context", "[]", "[MACRO]", NULL,
     "A macro of the session, with or without braces. `nil` when there is none."},
    {"context", "Context", "context", "[]=", "[MACRO] = VALUE", NULL,
     "Sets it for this child, at this stage."},
    {"context", "Context", "context.", "name", "", NULL, "Name of the child."},
    {"context", "Context", "context.", "accept?", "", NULL, NULL},
    {"context", "Context", "context.", "reject?", "", NULL, NULL},
    {"context", "Context", "context.", "temporary_failure?", "", NULL, NULL},
    {"context", "Context", "context.", "discard?", "", NULL, "What this child has answered last."},
    {"context", "Context", "context.", "quitted?", "", NULL, "Whether it is out of the session."},
    {"context", "Context", "context.", "children", "", NULL, NULL},
    {"context", "Context::Children", "context.children", "[]", "[NAME]", NULL,
     "The context of another child, `nil` when there is none. From the header on, earlier "
     "children have given their final answers; before that one sees those of earlier stages."},
    {"context", "Context::Children", "context.children.", "each", " {|other| ...}", NULL, NULL},
    {"context", "Context::Children", "context.children.", "names", "", NULL,
     "All of the session, and their names."},
    {"context", "Context", "context.", "postfix?", "", NULL, "Whether macro `v` names Postfix."},
    {"context", "Context", "context.", "authenticated?", "", NULL,
     "Whether there is a macro `auth_type` or `auth_authen`."},
    {"context", "Context", "context.", "n_processing_sessions", "", NULL,
     "Number of open sessions."},
    {"context", "Context", "context.", "mail_transaction_shelf", "", NULL, NULL},
    {"context", "Context::Shelf", "context.mail_transaction_shelf", "[]", "[KEY]", NULL, NULL},
    {"context", "Context::Shelf", "context.mail_transaction_shelf", "[]=", "[KEY] = VALUE", NULL,
     "Plain data kept for this message, shared by all children."},
    {"context", "Context::Shelf", "context.mail_transaction_shelf.", "each", " {|key, value| ...}",
     NULL, "All of them."},

    /* Addresses. */
    {"address", "SocketAddress::Base", "address.", "ipv4?", "", NULL, NULL},
    {"address", "SocketAddress::Base", "address.", "ipv6?", "", NULL, NULL},
    {"address", "SocketAddress::Base", "address.", "unix?", "", NULL, NULL},
    {"address", "SocketAddress::Base", "address.", "unknown?", "", NULL, "The kind."},
    {"address", "SocketAddress::Base", "address.", "local?", "", NULL,
     "Whether it is a loopback, private, link-local or unique local address, or a unix socket."},
    {"address", "SocketAddress::Base", "address.", "to_ip_address", "", NULL,
     "An `IPAddr`; `nil` for a unix socket and an unknown address."},
    {"address", "SocketAddress::IPv4", "address.", "to_s", "", NULL,
     "In the form of a spec, or `unknown`."},
    {"address", "SocketAddress::Base", "address", "==", " == OTHER", NULL,
     "Whether kind and content are the same."},
    {"address", "SocketAddress::Internet", "address.", "address", "", NULL, NULL},
    {"address", "SocketAddress::Internet", "address.", "port", "", NULL,
     "A text and a number; of IPv4 and IPv6."},
    {"address", "SocketAddress::Unix", "address.", "path", "", NULL, "Of a unix socket."},

    /* Settings of the shipped conditions. */
    {"objects", "Conditions::S25R", "s25r.", "add_whitelist", "(M)", NULL, NULL},
    {"objects", "Conditions::S25R", "s25r.", "add_blacklist", "(M)", NULL,
     "For `S25R`: a string, a regular expression, or a block that is given the client's name. "
     "The white list wins."},
    {"objects", "Conditions::S25R", "s25r.", "only_check_ipv4", " = BOOLEAN", NULL, NULL},
    {"objects", "Conditions::S25R", "s25r.", "check_only_ipv4", " = BOOLEAN", NULL,
     "True, the default: clients without an IPv4 address are white."},
    {"objects", "Conditions::RemoteNetwork", "remote_network.", "add_local_address", "(A)", NULL,
     NULL},
    {"objects", "Conditions::RemoteNetwork", "remote_network.", "add_remote_address", "(A)", NULL,
     "For `Remote Network`: an address or `NETWORK/LENGTH`. The remote list wins over the local "
     "one and over `address.local?`."},
    {"objects", "Conditions::Stress", "stress.", "threshold_n_connections", " = N", NULL,
     "For `Stress Notify` and `No Stress`: how many sessions are many. 0: never."},
    {"objects", "Conditions::Trust", "trust.", "add_envelope_from_domain", "(M)", NULL,
     "For `Trust`: a domain, a regular expression or something callable."},
    {"objects", "Conditions::Trust", "trust.", "clear", "", NULL, "Nobody is trusted."},
    {"objects", "Conditions::Trust", "trust.", "load_envelope_from_domains", "(PATH)", NULL,
     "A file with one domain or `/regexp/` in each line, and comments behind `#`."},

    {"objects", "Conditions::S25R", "s25r.", "stop?", "(HOST, ADDRESS)", NULL, NULL},
    {"objects", "Conditions::RemoteNetwork", "remote_network.", "remote?", "(ADDRESS)", NULL, NULL},
    {"objects", "Conditions::Stress", "stress.", "stressed?", "(CONTEXT)", NULL, NULL},
    {"objects", "Conditions::Trust", "trust.", "trusted?", "(SENDER)", NULL,
     "What the shipped conditions ask, for conditions of your own."},

    /* Accounts. */
    {"accounts", "Configuration", "", "restrict_accounts_by_list",
     "(ACCOUNT, ..., milters: NAMES, condition_name: NAME)", NULL,
     "Accounts are strings or regular expressions, compared with the address without brackets. "
     "The milters have to be defined; without `milters:` all that are so far."},
    {"accounts", "Configuration", "", "restrict_accounts_generic",
     "(milters: NAMES, condition_name: NAME) {|context, recipient| ...}", NULL,
     "The block says whether the recipient is one of them."},

    /* Tables. */
    {"tables", "PostfixCIDRTable", "Milter::Manager::PostfixCIDRTable.", "load", "(PATH)", NULL,
     "A table whose lines are `[!]ADDRESS[/LENGTH] ACTION`, or stand between `if "
     "[!]ADDRESS[/LENGTH]` and `endif`, as in `cidr_table(5)`."},
    {"tables", "PostfixRegexpTable", "Milter::Manager::PostfixRegexpTable.", "load", "(PATH)", NULL,
     "A table whose lines are `[!]/PATTERN/FLAGS ACTION`, or stand between `if "
     "[!]/PATTERN/FLAGS` and `endif`, as in `regexp_table(5)`. Patterns are Ruby's, `^` and "
     "`$` match at each line; they match in any case, flag `i` toggles that; with `m` a dot "
     "matches the end of a line, `x` changes nothing. In the action `$1`, "
     "`${1}` and `$(1)` stand for what a group has matched, `$$` for a dollar."},
    {"tables", "PostfixCIDRTable", "table.", "parse", "(IO, NAME)", NULL, NULL},
    {"tables", "PostfixRegexpTable", "table.", "parse", "(IO, NAME)", NULL,
     "Adds the lines of an open file or of a text to a table made with `new`."},
    {"tables", "PostfixCIDRTable", "table.", "find", "(ADDRESS)", NULL, NULL},
    {"tables", "PostfixRegexpTable", "table.", "find", "(TEXT)", NULL,
     "The action of the first line that matches, or `nil`. An address is one of a context, an "
     "`IPAddr` or a text."},

    /* Logging. */
    {"logger", "Logger", "Milter::Logger.", "critical", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "error", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "warning", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "warn", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "message", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "info", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "debug", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "trace", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "statistics", "(TEXT)", NULL, NULL},
    {"logger", "Logger", "Milter::Logger.", "profile", "(TEXT)", NULL,
     "Writes to the log at that level. A block in place of the text is called only when the line "
     "is written."},
};
const unsigned configuration_word_count =
    sizeof(configuration_words) / sizeof(configuration_words[0]);

const struct stopper_word stopper_words[] = {
    {"connect", "context, host, address", "the session"},
    {"helo", "context, name", "the session"},
    {"envelope_from", "context, sender", "this message"},
    {"envelope_recipient", "context, recipient", "this recipient"},
    {"envelope", "context, sender, recipients", "this message"},
    {"data", "context", "this message"},
    {"header", "context, name, value", "this message"},
    {"end_of_header", "context", "this message"},
    {"body", "context, chunk", "this message"},
    {"end_of_message", "context", "this message"},
};
const unsigned stopper_word_count = sizeof(stopper_words) / sizeof(stopper_words[0]);
