# One score row and the way to its shift. Call with: data, number, suffix (of the picture), and a terminal set.
set encoding utf8
load sprintf("%s/row_%d.gp", data, number)
file = sprintf("%s/row_%d.tsv", data, number)
bands = sprintf("%s/row_%d_bands.tsv", data, number)
short = top - crest
set output sprintf("%s/../row_%d.%s", data, number, suffix)

height = top - low
floor = low - 0.04 * height
ceiling = (shift > top ? shift : top) + 0.10 * height
set multiplot
set label 1 sprintf("%s, head %d (%s), query %d: %s", name, head, kind, query, what) \
  at screen 0.05, 0.955 noenhanced font ",14"
set label 2 sprintf("true maximum %.1f nats at key %d, %d key%s within 1 nat of it;  every 16th key alone: %.1f nats too low;  with anchors and windows: %s", \
  top, top_key, plateau, plateau == 1 ? "" : "s", top - sample_top, short > 0.005 ? sprintf("%.1f nats too low", short) : "found") \
  at screen 0.05, 0.905 noenhanced font ",11"
set tics out nomirror
set border 3
set yrange [floor:ceiling]
set style fill transparent solid 0.35 noborder
set ylabel "score, nats"
set xlabel "key" offset 0, 0.3
set key at screen 0.06, 0.145 left top Left reverse vertical maxrows 3 samplen 2.5 spacing 1.15 width 3 noenhanced font ",11"

set lmargin at screen 0.06
set rmargin at screen 0.67
set tmargin at screen 0.86
set bmargin at screen 0.25
set xrange [-0.01 * keys:1.01 * keys]
plot bands index 0 using 1:(floor):1:2:(floor):(ceiling) with boxxyerror lc rgb "#9ccc9c" title "anchors (of its block of queries)", \
     bands index 1 using 1:(floor):1:2:(floor):(ceiling) with boxxyerror lc rgb "#ffb870" title "refined windows (the block's best)", \
     file index 0 using 1:2 with lines lc rgb "#808080" lw 0.6 title "scores", \
     file index 1 using 1:2 with points pt 7 ps 0.55 lc rgb "#1f5fbf" title "sampled keys", \
     shift with lines lc rgb "#c02020" lw 1.6 dt 2 title "shift = crest found + 2 ln 2", \
     crest with lines lc rgb "#c02020" lw 0.8 title "crest found", \
     "+" using (top_key):(top) every ::0::0 with points pt 6 ps 1.8 lw 2 lc rgb "#000000" title "true maximum"

unset label 1
unset label 2
unset key
set xlabel "key, around the maximum"
set lmargin at screen 0.73
set rmargin at screen 0.985
set ylabel ""
reach = plateau > 20 ? 2 * plateau : 40
set xrange [top_key - reach:top_key + reach]
if (top_key - reach < 0) { set xrange [-2:2 * reach] }
if (top_key + reach > keys) { set xrange [keys - 2 * reach:keys + 1] }
plot bands index 0 using 1:(floor):1:2:(floor):(ceiling) with boxxyerror lc rgb "#9ccc9c", \
     bands index 1 using 1:(floor):1:2:(floor):(ceiling) with boxxyerror lc rgb "#ffb870", \
     file index 0 using 1:2 with linespoints pt 7 ps 0.25 lc rgb "#808080" lw 0.8, \
     file index 1 using 1:2 with points pt 7 ps 0.7 lc rgb "#1f5fbf", \
     shift with lines lc rgb "#c02020" lw 1.6 dt 2, \
     crest with lines lc rgb "#c02020" lw 0.8, \
     "+" using (top_key):(top) every ::0::0 with points pt 6 ps 1.8 lw 2 lc rgb "#000000"
unset multiplot
set output
