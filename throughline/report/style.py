"""The look of the report page: one style sheet, no file from elsewhere."""

CSS = """
:root{--ink:#1c2330;--soft:#5a6475;--line:#dde2ea;--paper:#fff;--wash:#f5f7fa;--a:#0072b2;
--b:#d55e00;--good:#0a7d4f;--bad:#b3261e;--warn:#8a5a00;--heat:0,114,178}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#9aa5b5;--line:#333b48;
--paper:#14181f;--wash:#1c222c;--a:#56b4e9;--b:#f0883e;--good:#4cc38a;--bad:#ff7b72;
--warn:#e3b341;--heat:86,180,233}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:960px;margin:0 auto;padding:40px 24px 80px}
h1{font-size:30px;line-height:1.2;margin:0 0 4px}
h2{font-size:20px;margin:48px 0 6px;padding-top:18px;border-top:1px solid var(--line)}
h3{font-size:16px;margin:20px 0 4px}
p{margin:6px 0 12px;max-width:70ch}
.sub,.note{color:var(--soft)}.note{font-size:14px}
.warning{border-left:4px solid var(--warn);background:var(--wash);padding:10px 14px;max-width:none}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:12px;margin:24px 0}
.tile{background:var(--wash);border-radius:8px;padding:14px 16px}
.tile b{display:block;font-size:28px;line-height:1.25;font-weight:650}
.tile span{color:var(--soft);font-size:14px;display:block}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:10px 0;font-size:14.5px;font-variant-numeric:tabular-nums}
th,td{padding:6px 14px 6px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:13px;vertical-align:bottom}
td.n,th.n{text-align:right}
.range{color:var(--soft);white-space:nowrap}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
.flat{color:var(--soft);font-weight:600}
td.good,td.bad{white-space:nowrap}td.flat{min-width:11em}
table:not(.matrix) td:first-child:not(.why){min-width:8em}
th.group{padding-top:18px;color:var(--ink);text-align:left}
td.why{color:var(--soft);font-size:14px;padding:0 14px 8px 24px}
tr:has(+tr td.why) td{border-bottom:0}
tr.best td{font-weight:650}
.matrix td{text-align:center;padding:9px 16px;border:1px solid var(--paper);min-width:58px}
.matrix th{border:0;padding:6px 12px}.matrix th.row{text-align:right}
.matrix.many td{padding:7px 2px;min-width:30px;font-size:13px}.matrix.many th{padding:6px 3px}
.matrix.many th:not(.row){text-align:center}
.matrix.shades td{padding:0;min-width:15px;height:15px}
.matrix.shades th{padding:0 4px;font-size:11px;line-height:14px}
.matrix.shades th:not(.row){writing-mode:vertical-rl;padding:4px 0;text-align:right}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(340px,1fr));gap:20px 32px;
align-items:start}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:4px 16px}
figure{margin:8px 0}figcaption{font-size:14px;color:var(--soft);margin-bottom:4px}
.chart{width:100%;height:auto;max-width:520px;display:block}
.chart text{font-size:12px;fill:var(--soft);font-family:inherit}
.chart .title{fill:var(--ink)}.chart .name{fill:var(--ink)}
.grid{stroke:var(--line)}.axis{stroke:var(--soft)}
.mark{stroke:var(--soft);stroke-dasharray:2 3}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.a{stroke:var(--a)}.line.b{stroke:var(--b)}
.line.ideal{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:5 4}
.dot{fill-opacity:.65}.dot.a,.bar.a{fill:var(--a)}
.dot[class*=class]{fill-opacity:.95;stroke:#fff;stroke-width:.7}
.class0{fill:#0072b2}.class1{fill:#d55e00}.class2{fill:#009e73}.class3{fill:#cc79a7}
.class4{fill:#56b4e9}.class5{fill:#e69f00}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--soft);
padding-left:52px}
.costs{width:100%;height:460px;border:0}
.legend span{display:inline-flex;align-items:center;gap:6px}
"""
