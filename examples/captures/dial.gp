# The accuracy-speed dial, one panel for each kind of head. Call with: data, suffix (of the pictures), and a
# terminal set. Two pictures: lost weight over the share of keys accumulated, error over time.
set encoding utf8
load data . "/dial.gp"
file = data . "/dial.tsv"

# What cannot be drawn lies far below, and no line leads there: of a curve without a point gnuplot would complain.
drawn(number) = number > 0 ? number : 1e-99
unset clip one

columns = 3
rows = int(ceil(kinds / real(columns)))
array curve[3] = ["above(tau), tiles of the planner's size, tau = 2 to 16", \
                  "above(tau), tiles of 16 queries x 64 keys, tau = 2 to 16", \
                  "plateaus, 1 to 32 windows"]
array colour[3] = ["#1f5fbf", "#30a0a0", "#d07000"]
array shape[3] = [7, 5, 9]

do for [picture = 1:2] {
  x = picture == 1 ? 3 : 4
  y = picture == 1 ? 5 : 7
  set output sprintf("%s/../dial_%s.%s", data, picture == 1 ? "weight" : "time", suffix)
  set multiplot
  set label 1 picture == 1 ? "What is left out: lost softmax weight (mean over rows) against the share of keys accumulated" \
                           : "What it buys: error (mean, over the largest |value|) against time" \
    at screen 0.03, 0.965 font ",15" noenhanced
  set label 2 picture == 1 ? "Settings that lose nothing are not drawn. Numbers at the points: tau in nats, or windows per block." \
                           : "Time is relative to exact softmax with a running maximum in the same kernel. Numbers at the points: tau in nats, or windows per block." \
    at screen 0.03, 0.93 font ",11" noenhanced
  set tics out nomirror
  set border 3
  set grid lc rgb "#e0e0e0"
  set logscale y
  set format y "10^{%T}"
  if (picture == 1) {
    set xrange [0:105]
    set xlabel "keys accumulated, % of visible" offset 0, 0.4
    set yrange [1e-8:2]
  } else {
    set xrange [0:2.2]
    set xlabel "time / time of exact softmax" offset 0, 0.4
    set yrange [1e-9:1e-1]
  }
  do for [k = 1:kinds] {
    column_of = (k - 1) % columns
    row_of = (k - 1) / columns
    set lmargin at screen 0.06 + column_of * 0.325
    set rmargin at screen 0.06 + column_of * 0.325 + 0.265
    panel = 0.785 / rows
    set tmargin at screen 0.875 - row_of * panel
    set bmargin at screen 0.875 - row_of * panel - panel + 0.095
    set title names[k] noenhanced offset 0, -0.5 font ",12"
    set ylabel column_of == 0 ? (picture == 1 ? "lost weight, mean" : "error, mean") : ""
    if (k == 1) {
      set key at screen 0.06, 0.085 left top Left reverse vertical maxrows 3 noenhanced samplen 3 spacing 1.2 font ",11"
    } else {
      unset key
    }
    plot for [c = 1:3] file index 3 * (k - 1) + c - 1 using x:(drawn(column(y))) \
           with linespoints lc rgb colour[c] lw 1.5 pt shape[c] ps 0.8 title k == 1 ? curve[c] : "", \
         for [c = 1:3] file index 3 * (k - 1) + c - 1 \
           using x:(drawn(column(y))):(stringcolumn(picture) eq "-" ? "" : stringcolumn(picture)) with labels font ",8" \
           textcolor rgb colour[c] offset 0.9, 0.5 notitle
    unset label 1
    unset label 2
  }
  unset multiplot
  set output
}
