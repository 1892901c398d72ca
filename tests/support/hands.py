"""Digits as people draw them with a mouse or a finger: strokes on a canvas of 100 x 100, in three hands.

They are not the drawings that `synthetic_digits` is made of. Each stroke is a line of points, "x,y x,y ..."; in it,
"(cx,cy,rx,ry,from,to)" is a part of an ellipse, in degrees from three o'clock, clockwise because y points down.
"""

import math

import numpy as np

ROUND = {  # a school hand: round, upright, large
    0: ["(50,50,24,36,-90,270)"],
    1: ["40,26 52,14 52,86"],
    2: ["(50,33,22,20,190,375) 30,86 76,86"],
    3: ["(46,32,20,18,200,450)", "(46,67,23,18,-90,150)"],
    4: ["58,12 24,62 80,62", "60,36 60,90"],
    5: ["70,14 34,14 32,44 (48,64,23,22,-110,150)"],
    6: ["62,12 (60,62,32,44,215,180) (51,66,20,20,180,540)"],
    7: ["26,16 76,16 44,88"],
    8: ["(50,32,17,18,-60,-420) (50,68,21,19,-90,270)"],
    9: ["(48,34,18,20,0,-360) 66,34 64,64 56,88"],
}
QUICK = {  # small, in a corner, leaning to the right
    0: ["(34,34,10,19,-60,310)"],
    1: ["40,14 30,54"],
    2: ["(34,24,10,10,200,380) 20,54 28,50 44,55"],
    3: ["24,16 40,15 32,32 (31,44,11,11,-80,140)"],
    4: ["28,14 22,38 44,36", "40,22 34,58"],
    5: ["44,15 28,16 26,32 (31,44,12,12,-100,130)"],
    6: ["40,12 (38,44,17,24,210,180) (31,46,9,10,180,520)"],
    7: ["20,18 42,15 30,56"],
    8: ["40,18 28,16 27,26 36,34 38,48 28,54 23,46 32,34 42,24 40,18"],
    9: ["41,22 (33,23,9,9,-20,-340) 41,24 37,42 34,58"],
}
ANGULAR = {  # few points, as with the keyboard or a trackpad
    0: ["50,14 32,26 26,50 34,76 50,86 66,76 74,50 66,26 50,14"],
    1: ["50,12 50,40 50,88"],
    2: ["28,28 38,16 58,14 70,24 68,40 50,60 28,84 28,84 74,84"],
    3: ["28,16 68,16 48,42 64,50 70,66 60,82 40,86 26,78"],
    4: ["34,12 28,54 72,54", "66,14 64,88"],
    5: ["68,14 32,14 30,46 54,44 68,58 64,78 46,86 28,80"],
    6: ["60,12 40,34 30,60 36,80 52,86 66,76 64,60 50,54 34,62"],
    7: ["26,14 74,14 58,44 46,88"],
    8: ["66,22 50,12 34,22 38,38 62,56 70,74 50,88 30,74 38,56 62,38 66,22"],
    9: ["66,28 52,14 36,22 34,40 48,48 64,38 66,28 66,60 60,86"],
}
HANDS = {"round": ROUND, "quick": QUICK, "angular": ANGULAR}


def strokes(hand, digit):
    """Return a digit in a hand as its strokes: arrays (P, 2) of shares of the canvas."""
    return [np.array(_points(line)) / 100 for line in HANDS[hand][digit]]


def _points(line):
    points = []
    for word in line.split():
        numbers = [float(number) for number in word.strip("()").split(",")]
        points += _arc(*numbers) if word.startswith("(") else [numbers]
    return points


def _arc(cx, cy, rx, ry, start, end):
    count = max(2, round(abs(end - start) / 12))
    angles = [math.radians(start + (end - start) * i / count) for i in range(count + 1)]
    return [[cx + rx * math.cos(angle), cy + ry * math.sin(angle)] for angle in angles]
