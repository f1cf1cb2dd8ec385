//! How the page looks.

/// Colours that are told apart by most who do not see all of them (after Okabe and Ito, 2008), for a
/// light and a dark page.
pub(super) const STYLE: &str = "\
:root{--bg:#fbfbf9;--card:#fff;--ink:#1d2430;--soft:#5d6675;--line:#e1e3e6;--grid:#eceef0;\
--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#8a4fa3}\
@media(prefers-color-scheme:dark){:root{--bg:#14171c;--card:#1c2027;--ink:#e8eaed;--soft:#9aa3b0;\
--line:#2e343d;--grid:#272c34;--s0:#56b4e9;--s1:#f08a3c;--s2:#2fc79b;--s3:#cc9ae0}}\
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
.c1.l{stroke-dasharray:7 4}.c2.l{stroke-dasharray:2 4}.c3.l{stroke-dasharray:9 3 2 3}\
.f0{fill:var(--s0);background:var(--s0)}.f1{fill:var(--s1);background:var(--s1)}\
.f2{fill:var(--s2);background:var(--s2)}.f3{fill:var(--s3);background:var(--s3)}\
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.85rem;color:var(--soft);margin-top:6px}\
.legend span{display:flex;align-items:center;gap:6px}\
.wide{overflow-x:auto;margin-top:14px}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.94rem}\
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}\
th:first-child,td:first-child{text-align:left;white-space:normal}\
tr.group td{font-weight:600;padding-top:16px}\
tr:last-child td{border-bottom:0}\
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:10px 0 0}\
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}";
