/*
 * page_style - how pages look: as the status page of the manager and the report of a load run.
 *
 * Colours are variables, once for light and once for dark; text has a contrast of at least 4.5 to
 * what it stands on, in both.
 */
#include "milter-manager-log-analyzer/page_style.h"

#include "milter-manager-log-analyzer/palette.h"

/* clang-format off */
static const char light[] =
    "--page:#f4f5f6;--card:#fff;--text:#1b1f24;--dim:#59616b;--line:#dcdfe3;--faint:#eceef0;\n"
    "--grid:#e3e6e9;--link:#1f5fa8;--ok:#1d6f3a;--ok-back:#e6f2e9;--warn:#7d4e00;--warn-back:#fbf0d9;\n"
    "--bad:#a8201a;--bad-back:#fbe8e6;--idle-back:#eceef0;--on:#fff;--flow:31,95,168;\n";
static const char dark[] =
    "--page:#131619;--card:#1b1f24;--text:#e4e7eb;--dim:#a0a8b2;--line:#343a42;--faint:#272c33;\n"
    "--grid:#2d333b;--link:#8dbbf0;--ok:#6fcf8e;--ok-back:#16291d;--warn:#efb95c;--warn-back:#2f2613;\n"
    "--bad:#ff8f86;--bad-back:#381a19;--idle-back:#2a2f36;--on:#131619;--flow:110,163,224;\n";
static const char sheet[] =
    "*{box-sizing:border-box}\n"
    "html{background:var(--page);color:var(--text);-webkit-text-size-adjust:100%;text-size-adjust:100%}\n"
    "body{margin:0 auto;max-width:1280px;padding:0 24px 32px;\n"
    "font:14px/1.45 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",\"Noto Sans\",\n"
    "\"Liberation Sans\",Arial,sans-serif;font-variant-numeric:tabular-nums}\n"
    "a{color:var(--link)}\n"
    "a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n"
    ".dim{color:var(--dim)}\n"
    ".cut{display:inline-block;max-width:100%;overflow:hidden;text-overflow:ellipsis;\n"
    "white-space:nowrap;vertical-align:bottom}\n"
    ".raw{font-weight:400;color:var(--bad);background:var(--bad-back);border-radius:2px}\n"
    ".name{font-weight:600;min-width:0;max-width:100%}\n"
    ".alarm{color:var(--bad)}\n"
    "small{font-size:12px;font-weight:400;color:var(--dim)}\n"
    "header{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 20px;padding:18px 0 14px}\n"
    "h1{margin:0;font-size:22px;line-height:1.25;font-weight:650;letter-spacing:-.01em;min-width:0;\n"
    "overflow-wrap:anywhere}\n"
    "header p{margin:0;color:var(--dim)}\n"
    ".back{flex-basis:100%}\n"
    ".clock{flex:1 1 220px}\n"
    "header nav a{margin-left:14px;white-space:nowrap}\n"
    "header nav a:first-child{margin-left:0}\n"
    ".notice{background:var(--bad-back);border-radius:6px;padding:10px 14px;margin:0 0 16px;\n"
    "overflow-wrap:anywhere}\n"
    ".notice strong{color:var(--bad)}\n"
    ".state{border-radius:6px;padding:16px 20px;margin-bottom:16px}\n"
    ".state h2{margin:0;font-size:24px;line-height:1.2;font-weight:650;letter-spacing:-.01em;\n"
    "display:flex;align-items:center;min-width:0}\n"
    ".state h2 .sign{flex:none;width:28px;height:28px;border-radius:50%;color:var(--on);\n"
    "font-size:17px;line-height:28px;text-align:center;margin-right:10px}\n"
    ".state h2 .cut{min-width:0;padding-bottom:2px}\n"
    ".state p,.state ul{margin:6px 0 0 38px;padding:0;overflow-wrap:anywhere}\n"
    ".state ul{list-style:none}\n"
    ".state li{margin:3px 0}\n"
    ".state li .name{margin-right:6px}\n"
    ".state li .name .cut{max-width:min(100%,22em)}\n"
    ".state .does{flex:none;margin-left:.3em}\n"
    ".state h2 a{color:inherit;min-width:0;display:flex}\n"
    ".ok.state{background:var(--ok-back)}.warn.state{background:var(--warn-back)}\n"
    ".bad.state{background:var(--bad-back)}.idle.state{background:var(--idle-back)}\n"
    ".ok h2{color:var(--ok)}.warn h2{color:var(--warn)}.bad h2{color:var(--bad)}\n"
    ".ok .sign{background:var(--ok)}.warn .sign{background:var(--warn)}.bad .sign{background:var(--bad)}\n"
    ".idle .sign{background:var(--dim)}\n"
    ".ok .sign::before{content:\"\\2713\"}.warn .sign::before{content:\"!\"}\n"
    ".bad .sign::before{content:\"\\2715\"}.idle .sign::before{content:\"\\2013\"}\n"
    ".badge{display:inline-block;border-radius:4px;padding:0 8px;font-weight:600;font-size:12px;\n"
    "white-space:nowrap;flex:none}\n"
    ".badge.ok{color:var(--ok)}.badge.warn{color:var(--warn);background:var(--warn-back)}\n"
    ".badge.bad{color:var(--bad);background:var(--bad-back)}.badge.idle{color:var(--dim)}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:14px 20px 16px;\n"
    "margin:0 0 16px;min-width:0}\n"
    ".card h2{margin:0 0 12px;font-size:15px;font-weight:650}\n"
    ".card h2 small{margin-left:6px}\n"
    ".pair{display:grid;grid-template-columns:minmax(0,11fr) minmax(0,9fr);gap:0 16px;align-items:start}\n"
    ".scroll{overflow-x:auto}\n"
    "table{width:100%;border-collapse:collapse}\n"
    "th,td{text-align:left;vertical-align:top;padding:5px 0 5px 14px;border-top:1px solid var(--faint);\n"
    "font-weight:400}\n"
    "th:first-child,td:first-child{padding-left:0}\n"
    "thead th{border-top:0;border-bottom:1px solid var(--line);padding-top:0;font-size:12px;\n"
    "color:var(--dim);white-space:nowrap;vertical-align:bottom}\n"
    "thead+tbody>tr:first-child>*{border-top:0}\n"
    "th.n,td.n{text-align:right;white-space:nowrap}\n"
    ".children th.h{width:34%;max-width:0}\n"
    ".children th.h>div{display:flex;gap:8px;align-items:baseline;min-width:0}\n"
    ".children td small{display:block}\n"
    ".children td.v,.children th.v{width:22%;padding-left:28px}\n"
    ".children tr.bad>*{background:var(--bad-back)}\n"
    ".children tr.warn>*{background:var(--warn-back)}\n"
    ".children tr.bad>th,.children tr.warn>th{box-shadow:-20px 0 var(--bad-back)}\n"
    ".children tr.warn>th{box-shadow:-20px 0 var(--warn-back)}\n"
    ".children tr.bad>td:last-child{box-shadow:20px 0 var(--bad-back)}\n"
    ".children tr.warn>td:last-child{box-shadow:20px 0 var(--warn-back)}\n"
    ".children tr .badge{background:none;padding:0}\n"
    ".children{overflow:hidden}\n"
    ".bar{display:flex;height:14px;border-radius:3px;overflow:hidden;margin-top:3px}\n"
    ".bar i{flex:1 1 0;min-width:1px}\n"
    ".keys{display:flex;flex-wrap:wrap;justify-content:flex-end;gap:2px 14px;font-size:12px;\n"
    "color:var(--dim);margin:10px 0 0}\n"
    ".keys span{display:flex;align-items:center}\n"
    ".key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px;flex:none}\n"
    ".key.line{height:3px;border-radius:1px;vertical-align:3px}\n"
    ".days td small{margin-left:4px;display:inline-block;min-width:46px}\n"
    ".days .slowest small{display:block;margin:0}\n" /* beside it the longest rows would not fit */
    ".days thead small{display:block}\n"
    ".days th{white-space:nowrap}\n"
    ".days .cut{max-width:8.5em}\n"
    ".days tbody+tbody>tr:first-child>*{border-top-color:var(--dim)}\n"
    ".days .detail+tbody>tr:first-child>*,.days .detail>tr:first-child>*{border-top-color:var(--faint)}\n"
    ".days .detail th{padding-left:16px}.days .detail th,.days .detail td{color:var(--dim)}\n"
    ".hours table{table-layout:fixed}\n"
    ".hours th:first-child{width:62px;white-space:nowrap}\n"
    ".hours th.n{width:56px}\n"
    ".hours td,.hours tbody th,.hours thead th{border:0}\n"
    ".hours thead th{padding-left:0}\n"
    ".hours tbody td:not(.n){padding:0;height:26px;border:1px solid var(--card);border-radius:3px}\n"
    ".hours .l0{background:var(--faint)}\n"
    ".levels{display:flex;align-items:center;gap:2px;margin:10px 0 0;font-size:12px;color:var(--dim)}\n"
    ".levels i{width:14px;height:10px;border-radius:2px}\n"
    ".levels span{margin:0 5px}\n"
    ".contents>ul{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:12px 24px}\n"
    ".contents ul{list-style:none;margin:0;padding:0;min-width:0}\n"
    ".contents>ul>li{min-width:0;font-weight:600}\n"
    ".contents li li{font-weight:400;min-width:0}\n"
    ".contents li li a{display:block}\n"
    ".contents summary{font-weight:400;color:var(--dim);cursor:pointer}\n"
    "h2.range{font-size:20px;font-weight:650;letter-spacing:-.01em;margin:28px 0 12px}\n"
    "h2.range small{margin-left:8px}\n"
    ".graph{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,430px);gap:0 28px}\n"
    "figcaption{grid-column:1/-1;font-size:15px;font-weight:650;margin-bottom:8px;min-width:0}\n"
    "figcaption a{font-weight:650;color:inherit;text-decoration-color:var(--dim)}\n"
    ".graph img{grid-column:1/-1;max-width:100%;height:auto;background:#fff;justify-self:start}\n"
    ".plot{display:grid;grid-template-columns:52px minmax(0,1fr);grid-template-rows:auto 200px auto;\n"
    "gap:6px 8px;align-content:start;font-size:12px;color:var(--dim);min-width:0}\n"
    ".plot .unit{grid-column:1/-1;margin:0}\n"
    ".plot svg{display:block;width:100%;height:200px;overflow:visible}\n"
    ".plot svg .gridline{stroke:var(--grid);stroke-dasharray:none}\n"
    ".plot svg path,.plot svg line{vector-effect:non-scaling-stroke}\n"
    ".y{position:relative}\n"
    ".y span{position:absolute;right:0;line-height:1;transform:translateY(50%);white-space:nowrap}\n"
    ".x{grid-column:2;position:relative;height:1.4em;white-space:nowrap}\n"
    ".x span{position:absolute;transform:translateX(-50%)}\n"
    ".legend{min-width:0;font-size:13px}\n"
    ".legend th,.legend td{padding:3px 0 3px 12px}\n"
    ".legend th:first-child{padding-left:0;width:36%;max-width:0;white-space:nowrap}\n"
    ".legend .cut{max-width:calc(100% - 18px)}\n"
    ".legend p{margin:6px 0 0;font-size:12px;color:var(--dim)}\n"
    ".legend .updated{text-align:right}\n"
    ".numbers{font-size:12px}.numbers th{white-space:nowrap}\n"
    ".numbers th.n .cut{max-width:8em}\n"
    "footer{color:var(--dim);font-size:12px}\n"
    "@media (max-width:1000px){\n"
    ".pair,.graph{grid-template-columns:minmax(0,1fr)}\n"
    ".legend{margin-top:12px}\n"
    "}\n"
    "@media (max-width:760px){\n"
    ".children table,.children tbody{display:block}\n"
    ".children thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\n"
    ".children tbody tr{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:4px 8px;\n"
    "padding:10px 12px;margin:0 -12px;border-top:1px solid var(--line)}\n"
    ".children tbody tr:first-child{border-top:0}\n"
    ".children tr.bad{background:var(--bad-back)}.children tr.warn{background:var(--warn-back)}\n"
    ".children tbody tr>*{display:block;border:0;padding:0!important;text-align:left;min-width:0;\n"
    "width:auto!important;max-width:none!important;box-shadow:none!important}\n"
    ".children th.h,.children td.v{grid-column:1/-1}\n"
    ".children td.n::before{content:attr(data-label);display:block;font-size:12px;color:var(--dim)}\n"
    ".children td.n{white-space:normal}\n"
    ".keys{justify-content:flex-start}\n"
    "}\n"
    "@media (max-width:560px){\n"
    "body{padding:0 10px 20px}\n"
    ".card{padding:12px}\n"
    ".state{padding:14px}\n"
    ".state h2{font-size:20px;display:block}\n"
    ".state h2 a{display:inline}.state h2 .cut{display:inline;white-space:normal;overflow-wrap:anywhere}\n"
    ".state h2 .sign{display:inline-block;width:24px;height:24px;line-height:24px;font-size:15px}\n"
    ".state p,.state ul{margin-left:0}\n"
    ".x .less{display:none}\n"
    ".contents ul ul{max-height:8em;overflow-y:auto}\n"
    "header nav a{margin:0 14px 0 0}\n"
    ".plot{grid-template-columns:44px minmax(0,1fr)}\n"
    ".legend,.days table{font-size:12px}\n"
    ".legend .unit{display:none}.legend th:first-child{width:46%}\n"
    ".days th,.days td{padding-left:8px}\n"
    ".days td small{display:block;margin:0}\n"
    ".days .cut{max-width:6.5em}\n"
    ".hours table{font-size:12px}.hours th:first-child{width:46px}.hours th.n{width:44px}\n"
    ".hours tbody td:not(.n){border-width:0 1px 1px 0}\n"
    ".hours td.n{padding-left:4px}\n"
    "h2.range small{display:block;margin:0}\n"
    "}\n"
    "@media print{html{background:none}.card{break-inside:avoid}}\n";
/* clang-format on */

enum { LEVELS = 9 };

static void append_colours(struct buffer *html, bool is_dark)
{
    buffer_append_string(html, is_dark ? dark : light);
    for (unsigned i = 1; i < palette_end(); i++) {
        struct palette_colour colour = palette_colour(i);

        buffer_append_format(html, "--c%u:%s;", i, is_dark ? colour.dark : colour.light);
    }
}

void page_style(struct buffer *html)
{
    buffer_append_string(html, ":root{");
    append_colours(html, false);
    buffer_append_string(html, "}\n@media (prefers-color-scheme:dark){:root{");
    append_colours(html, true);
    buffer_append_string(html, "}}\n");
    buffer_append_string(html, sheet);
    for (unsigned i = 1; i <= LEVELS; i++) {
        buffer_append_format(html, ".l%u{background:rgba(var(--flow),%.2f)}\n", i,
                             0.1 + 0.9 * (double)i / LEVELS);
    }
}
