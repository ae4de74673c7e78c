"""Draws efficiency over workers from the numbers of `tests/simulator/run`: a line for each shape, coloured by how long one worker takes."""

import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 56, 230, 34, 44
# Milliseconds of one worker, and the colour of shapes up to it.
GROUPS = [(0.8, "#bbbbbb", "one worker: under 0.8 ms"), (3.2, "#56b4e9", "0.8 to 3.2 ms (64 x 50 µs)"),
          (12.8, "#009e73", "3.2 to 12.8 ms (64 x 200 µs)"), (float("inf"), "#d55e00", "longer")]


def read(path):
    """[(name, milliseconds of one worker, [(workers, efficiency)])]."""
    shapes = []
    for line in path.read_text().splitlines():
        name, alone, *points = line.split("\t")
        shapes.append((name, float(alone) * 1e-6, [tuple(map(float, point.split(":"))) for point in points]))
    return shapes


def draw(shapes):
    numbers = [workers for workers, _ in shapes[0][2]]
    place_x = {workers: LEFT + i * (WIDTH - LEFT - RIGHT) / (len(numbers) - 1) for i, workers in enumerate(numbers)}

    def place_y(efficiency):
        return TOP + (1 - min(efficiency, 1)) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="14">Efficiency of simulated workers, {len(shapes)} calls of real models</text>']
    for tenth in range(0, 11, 2):
        y = place_y(tenth / 10)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:g}</text>')
    for workers in numbers:
        out.append(f'<text x="{place_x[workers]:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{workers:g}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">workers</text>')
    least = 0.0
    for i, (most, colour, label) in enumerate(GROUPS):
        for name, alone, points in shapes:
            if least <= alone < most:
                path = " ".join(f"{place_x[workers]:.1f},{place_y(efficiency):.1f}" for workers, efficiency in points)
                out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.4"><title>{name}</title></polyline>')
        y = TOP + 20 + 20 * i
        out.append(f'<line x1="{WIDTH - RIGHT + 14}" x2="{WIDTH - RIGHT + 38}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 44}" y="{y + 4}">{label}</text>')
        least = most
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    numbers, picture = Path(sys.argv[1]), Path(sys.argv[2])
    picture.write_text(draw(read(numbers)))
    print(f"{picture}: {picture.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
