//! How the page looks.

/// Colours that are told apart by most who do not see all of them (after Okabe and Ito, 2008), for a
/// light and a dark page.
pub(crate) const STYLE: &str = "\
:root{--bg:#fbfbf9;--card:#fff;--ink:#1d2430;--soft:#5d6675;--line:#e1e3e6;--grid:#eceef0;\
--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#8a4fa3;--s4:#a87900;--s5:#c2457d;--s6:#3f51b5;\
--s7:#6b7280;--warn:#b3261e}\
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--card:#1c2027;--ink:#e8eaed;--soft:#9aa3b0;\
--line:#2e343d;--grid:#272c34;--s0:#56b4e9;--s1:#f08a3c;--s2:#2fc79b;--s3:#cc9ae0;\
--s4:#dcb13c;--s5:#f07fb0;--s6:#9aa5ff;--s7:#a0a8b4;--warn:#ff8a80}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--bg);color:var(--ink);\
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}\
h1{font-size:1.7rem;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}\
h2{font-size:1.1rem;margin:0 0 2px}\
p{margin:0 0 8px}.soft{color:var(--soft)}\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:14px;margin:24px 0}\
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px}\
.tile strong{display:block;font-size:2rem;line-height:1.15;font-variant-numeric:tabular-nums}\
.tile .name{display:flex;align-items:center;gap:8px;font-weight:600}\
.dot{width:12px;height:12px;border-radius:3px;display:inline-block}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:14px}\
@media(max-width:520px){.charts{grid-template-columns:1fr}}\
svg{display:block;width:100%;height:auto;margin-top:8px}\
svg text{fill:var(--soft);font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\
svg text.value{fill:var(--ink);font-weight:600}\
.grid{stroke:var(--grid);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}\
.l{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}\
.c0{stroke:var(--s0)}.c1{stroke:var(--s1)}.c2{stroke:var(--s2)}.c3{stroke:var(--s3)}\
.c4{stroke:var(--s4)}.c5{stroke:var(--s5)}.c6{stroke:var(--s6)}.c7{stroke:var(--s7)}\
.c1.l{stroke-dasharray:7 4}.c2.l{stroke-dasharray:2 4}.c3.l{stroke-dasharray:9 3 2 3}\
.c5.l{stroke-dasharray:5 3}.c6.l{stroke-dasharray:12 3}.c7.l{stroke-dasharray:1 4}\
.f0{fill:var(--s0);background:var(--s0)}.f1{fill:var(--s1);background:var(--s1)}\
.f2{fill:var(--s2);background:var(--s2)}.f3{fill:var(--s3);background:var(--s3)}\
.f4{fill:var(--s4);background:var(--s4)}.f5{fill:var(--s5);background:var(--s5)}\
.f6{fill:var(--s6);background:var(--s6)}.f7{fill:var(--s7);background:var(--s7)}\
.track{fill:var(--grid)}.spread{stroke:var(--ink);stroke-width:1.25;opacity:.65}\
.thin{stroke-width:2;opacity:.55}.thick{stroke-width:6;opacity:.45}\
.limit{stroke:var(--warn);stroke-width:1.5;stroke-dasharray:5 4}\
svg text.warn{fill:var(--warn)}svg text.head{fill:var(--ink);font-weight:600}\
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.85rem;color:var(--soft);margin-top:6px}\
.legend span{display:flex;align-items:center;gap:6px}\
.wide{overflow-x:auto;margin-top:14px}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.94rem}\
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}\
th:first-child,td:first-child{text-align:left;white-space:normal}\
tr.group td{font-weight:600;padding-top:16px}\
tr:last-child td{border-bottom:0}\
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}\
dl{display:grid;grid-template-columns:fit-content(40%) 1fr;gap:4px 18px;margin:10px 0 0}\
dt{color:var(--soft);overflow-wrap:anywhere}dd{margin:0;overflow-wrap:anywhere}\
.part>h2{font-size:1.3rem;margin:40px 0 2px}.part>h2+p{margin-bottom:14px}\
h3{font-size:1rem;line-height:1.3;margin:0 0 2px}figure{margin:0}figcaption{font-size:.86rem}\
.trio{display:grid;align-items:start;margin-bottom:14px;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:14px}\
.peers{display:block;columns:2 360px}.peers .card{break-inside:avoid;margin:0 0 14px}\
.tile h3{margin:16px 0 0}.tile h3::first-letter{text-transform:uppercase}\
.tile small{display:block;line-height:1.35}\
.facts{grid-template-columns:minmax(4.6rem,max-content) 1fr;gap:6px 12px;margin-top:6px;\
align-items:baseline}.facts dt{color:var(--ink);font-weight:650;font-size:1.25rem;text-align:right;\
font-variant-numeric:tabular-nums}.facts dd{font-size:.9rem;line-height:1.4}\
.figures td:first-child{min-width:min(15em,38vw)}\
.ours{font-weight:600}.bad{color:var(--warn);font-weight:600}\
details{margin-top:14px}summary{cursor:pointer;color:var(--soft);padding:6px 0}\
.left{text-align:left;white-space:normal}";
