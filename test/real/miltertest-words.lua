-- miltertest-words.lua - miltertest script: the MTA's side of the magic words.
--   miltertest -D socket=unix:PATH -D name=NAME -s miltertest-words.lua
-- `socket' is a magic filter's own or that of the manager with that filter,
-- called NAME, behind it.  miltertest swallows the text of error(): each failure
-- is echoed first.
local function fail(text)
    mt.echo("FAILED " .. text)
    error(text)
end
if socket == nil then fail("-D socket=SPEC is needed") end
mt.set_timeout(20)

local verdicts = {
    [SMFIR_CONTINUE] = "continue", [SMFIR_ACCEPT] = "accept", [SMFIR_REJECT] = "reject",
    [SMFIR_TEMPFAIL] = "tempfail", [SMFIR_DISCARD] = "discard", [SMFIR_REPLYCODE] = "reply",
}

local function check(ok, what)
    if not ok then fail(what) end
end

-- miltertest returns nil when a step was sent and answered
local function step(what, problem, conn, want)
    check(problem == nil, what .. ": " .. tostring(problem))
    local got = verdicts[mt.getreply(conn)] or string.char(mt.getreply(conn))
    check(got == want, what .. ": wanted " .. want .. ", got " .. got)
end

local function open()
    local conn = mt.connect(socket, 40, 0.1)
    check(conn ~= nil, "cannot connect to " .. socket)
    check(mt.negotiate(conn, 6, SMFI_V6_ACTS, SMFI_V6_PROT) == nil, "negotiate")
    return conn
end

local function greet(conn, host, helo)
    mt.macro(conn, SMFIC_CONNECT, "j", "mx.example.test", "{daemon_name}", "MTA")
    step("connect", mt.conninfo(conn, host or "client.example.net", "192.0.2.77"), conn, "continue")
    step("helo", mt.helo(conn, helo or "client.example.net"), conn, "continue")
end

local function envelope(conn, sender, ...)
    mt.macro(conn, SMFIC_MAIL, "i", "4TESTID", "{mail_addr}", "alice@example.test")
    step("mail", mt.mailfrom(conn, sender or "<alice@example.test>", "SIZE=100", "BODY=8BITMIME"), conn, "continue")
    for _, recipient in ipairs({...}) do
        step("rcpt", mt.rcptto(conn, recipient, "NOTIFY=NEVER"), conn, "continue")
    end
    step("data", mt.data(conn), conn, "continue")
end

-- With HDR_LEADSPC in force a value carries its blank, in both directions.
local function valued(conn, value)
    return (mt.test_option(conn, SMFIP_HDR_LEADSPC) and " " or "") .. value
end

-- the message up to its end, each of WORDS as a header X-Magic
local function content(conn, words)
    step("header", mt.header(conn, "From", valued(conn, "<alice@example.test>")), conn, "continue")
    step("header", mt.header(conn, "Subject", valued(conn, "a test")), conn, "continue")
    for _, word in ipairs(words) do
        step("header", mt.header(conn, "X-Magic", valued(conn, word)), conn, "continue")
    end
    step("eoh", mt.eoh(conn), conn, "continue")
    step("body", mt.bodystring(conn, "first line\r\n"), conn, "continue")
    step("body", mt.bodystring(conn, "second line\r\n"), conn, "continue")
end

local function message(conn, words, want)
    envelope(conn, nil, "<bob@other.test>")
    content(conn, words)
    step("eom", mt.eom(conn), conn, want)
end

local cases = {}

function cases.plain()
    local conn = open()
    greet(conn)
    message(conn, {}, "continue")
    check(mt.eom_check(conn, MT_HDRADD, "X-Magic-Seen",
        valued(conn, "name=" .. name .. " headers=2 rcpts=1 body=25 chunks=2")),
        "no X-Magic-Seen")
    check(not mt.eom_check(conn, MT_BODYCHANGE), "the body was changed")
    mt.disconnect(conn)
end

function cases.edits()
    local conn = open()
    greet(conn)
    message(conn, {
        "add-header X-Added one", "insert-header 1 X-In two", "change-header 1 Subject three",
        "delete-header 1 From", "add-rcpt <carol@other.test>", "del-rcpt <bob@other.test>",
        "replace-body new", "quarantine a reason"}, "continue")
    check(mt.eom_check(conn, MT_HDRADD, "X-Added", valued(conn, "one")), "add-header")
    check(mt.eom_check(conn, MT_HDRINSERT, "X-In", valued(conn, "two"), 1), "insert-header")
    check(mt.eom_check(conn, MT_HDRCHANGE, "Subject", valued(conn, "three")), "change-header")
    check(mt.eom_check(conn, MT_HDRDELETE, "From"), "delete-header")
    check(mt.eom_check(conn, MT_RCPTADD, "<carol@other.test>"), "add-rcpt")
    check(mt.eom_check(conn, MT_RCPTDELETE, "<bob@other.test>"), "del-rcpt")
    check(mt.eom_check(conn, MT_BODYCHANGE, "new\r\n"), "replace-body")
    check(mt.eom_check(conn, MT_QUARANTINE, "a reason"), "quarantine")
    mt.disconnect(conn)
end

local function end_with(endings)
    for word, want in pairs(endings) do
        local conn = open()
        greet(conn)
        message(conn, {word}, want)
        if want == "reply" then
            local code, text = string.match(word, "^reply (%d+) (.*)$")
            check(mt.eom_check(conn, MT_SMTPREPLY, code, string.sub(code, 1, 1) .. ".7.1", text), word)
        end
        mt.disconnect(conn)
    end
end

function cases.refusals()
    end_with({reject = "reject", tempfail = "tempfail", discard = "discard",
        ["reply 554 not wanted"] = "reply", ["reply 451 later"] = "reply"})
end

function cases.verdicts()
    end_with({accept = "accept"})
    cases.refusals()
end

function cases.each_step()
    for word, want in pairs({reject = "reject", tempfail = "tempfail", reply553 = "reply"}) do
        local conn = open()
        step("connect " .. word, mt.conninfo(conn, "magic-" .. word, "192.0.2.77"), conn, want)
        mt.disconnect(conn)
        conn = open()
        step("connect", mt.conninfo(conn, "client.example.net", "192.0.2.77"), conn, "continue")
        step("helo " .. word, mt.helo(conn, "magic-" .. word), conn, want)
        mt.disconnect(conn)
        conn = open()
        greet(conn)
        step("mail " .. word, mt.mailfrom(conn, "<magic-" .. word .. "@example.test>"), conn, want)
        mt.abort(conn)
        step("mail", mt.mailfrom(conn, "<alice@example.test>"), conn, "continue")
        step("rcpt " .. word, mt.rcptto(conn, "<magic-" .. word .. "@example.test>"), conn, want)
        step("rcpt", mt.rcptto(conn, "<bob@example.test>"), conn, "continue")
        step("unknown " .. word, mt.unknown(conn, "XMAGIC magic-" .. word), conn, want)
        step("data", mt.data(conn), conn, "continue")
        step("header " .. word, mt.header(conn, "X-Magic-Now", valued(conn, word)), conn, want)
        mt.abort(conn)
        mt.disconnect(conn)
    end
end

function cases.three_messages()
    local conn = open()
    greet(conn)
    message(conn, {"add-header X-Number 1", "replace-body one"}, "continue")
    check(mt.eom_check(conn, MT_BODYCHANGE, "one\r\n"), "body of the first")
    message(conn, {"reject"}, "reject")
    mt.abort(conn)
    message(conn, {"add-header X-Number 3"}, "continue")
    check(mt.eom_check(conn, MT_HDRADD, "X-Number", valued(conn, "3")), "header of the third")
    mt.disconnect(conn)
end

function cases.unknown_family()
    local conn = open()
    step("connect", mt.conninfo(conn, "unknown", "unspec"), conn, "continue")
    step("helo", mt.helo(conn, "x"), conn, "continue")
    message(conn, {}, "continue")
    mt.disconnect(conn)
end

function cases.rude()
    local conn = open()
    greet(conn)
    envelope(conn, nil, "<bob@other.test>")
    mt.disconnect(conn, false)
    conn = open()
    greet(conn)
    message(conn, {}, "continue")
    mt.disconnect(conn)
end

local case = cases[wanted]
check(case ~= nil, "-D wanted=CASE is needed")
case()
mt.echo("done " .. wanted)
