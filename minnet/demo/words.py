"""All words of the page, in each of its languages, and which language a browser wants."""

import re

LANGUAGES = ("en", "zh-TW")

# In braces: what the page fills in.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "A page that reads a digit",
        "noscript": "This page needs JavaScript, because you draw on it.",
        "language": "Language",
        "about_mnist": "A single matrix reads what you draw. It learned its {numbers} numbers from {real} digits of "
        "MNIST and {synthetic} synthetic ones, and reads {accuracy} of MNIST’s test digits right.",
        "about_synthetic": "A single matrix reads what you draw. It learned its {numbers} numbers from {synthetic} "
        "synthetic digits, because MNIST is not on this computer, and reads {accuracy} of others right.",
        "about_file": "The model {name} reads what you draw. It has {numbers} numbers that were learned.",
        "here": "Everything runs on this computer, in Python. Nothing that you draw leaves it.",
        "draw": "Draw a digit",
        "pad": "Drawing area",
        "hint": "One digit from 0 to 9, with the mouse, a finger or a pen.",
        "keys": "With the keyboard: the arrow keys move the pen, the space bar puts it down and lifts it.",
        "undo": "Undo",
        "clear": "Clear",
        "pen_down": "The pen is down.",
        "pen_up": "The pen is up.",
        "reads": "What the model reads",
        "nothing": "Nothing is drawn yet.",
        "verdict": "I read a {digit}, probability {probability}.",
        "probabilities": "Ten probabilities",
        "choose": "Choose a digit to see what speaks for it, or to say which one is right.",
        "why": "Which pixels speak",
        "seen": "The picture that the model gets, 28 by 28 pixels, with {for} pixels marked plus and {against} marked "
        "minus.",
        "seen_empty": "The picture that the model gets: still empty.",
        "centred": "Your digit as the model gets it: 28 by 28 pixels, enlarged or reduced, and centred, like the "
        "digits that it learned from.",
        "for": "for a {digit}: {count} pixels, {sum} in all",
        "against": "against a {digit}: {count} pixels, {sum} in all",
        "speaks_learned": "Each pixel adds W · pixel to a digit’s score. Of this, (W − W₀) · pixel was learned, "
        "because training began at random weights W₀. Marked are the twenty pixels that have learned to add most, and "
        "the twenty that have learned to take away most.",
        "speaks_weight": "Each pixel adds W · pixel to a digit’s score. Marked are the twenty that add most, and the "
        "twenty that take away most. (The file does not have W₀, at which training began.)",
        "speaks_slope": "Ink times the slope of a digit’s score: about what a pixel adds to it. Marked are the twenty "
        "that add most, and the twenty that take away most.",
        "learn": "Learn this",
        "learn_about": "Is it another digit? Choose the right one, and let the model learn: one step of SGD on your "
        "digit, with a learning rate of {rate}.",
        "learn_choose": "Learn this: which digit is it?",
        "learn_digit": "Learn this: it is a {digit}",
        "choose_first": "Choose the right digit first.",
        "draw_first": "Draw a digit first.",
        "forget": "Forget all ({steps})",
        "forgotten": "The model is as it was before your digits.",
        "learned": "Step {steps}: this is a {digit}. The loss was {before}, and is now {after}; the probability of a "
        "{digit} is {times} times what it was.",
        "digit": "digit",
        "before": "before",
        "after": "after",
        "change": "change, points",
        "columns": "How W changed: a column for each digit, as a picture, and its largest change. The column of the "
        "{digit} gains where there is ink; the others lose, each in proportion to its probability.",
        "column": "{digit}: {largest}",
        "arrays": "How the numbers changed",
        "path": "part",
        "shape": "shape",
        "largest": "largest change",
        "error_question": "The program did not understand this page. Reload it.",
        "error_empty": "Draw a digit first.",
        "error_long": "That is too much for one digit. Clear it, and draw again.",
        "error_diverged": "The step diverged, and was undone: the model is as before.",
        "error_gone": "The program has ended. Start it again: python -m minnet.demo",
    },
    "zh-TW": {
        "title": "會認手寫數字的網頁",
        "noscript": "請開啟瀏覽器的 JavaScript，才能在這個網頁上畫圖。",
        "language": "語言",
        "about_mnist": "用一個矩陣來認你畫的數字。它的 {numbers} 個參數是從 MNIST 的 {real} 張手寫數字和 {synthetic} "
        "張合成的數字學來的，MNIST 測試資料的準確率是 {accuracy}。",
        "about_synthetic": "用一個矩陣來認你畫的數字。這台電腦上沒有 MNIST，所以它的 {numbers} 個參數是從 {synthetic} "
        "張合成的數字學來的；沒看過的合成數字，準確率是 {accuracy}。",
        "about_file": "用模型 {name} 來認你畫的數字，它有 {numbers} 個參數。",
        "here": "所有運算都由這台電腦上的 Python 完成，你畫的東西不會傳到別處。",
        "draw": "畫一個數字",
        "pad": "畫板",
        "hint": "用滑鼠、手指或觸控筆畫一個 0 到 9 的數字。",
        "keys": "也可以用鍵盤：方向鍵移動畫筆，空白鍵下筆、提筆。",
        "undo": "復原",
        "clear": "清除",
        "pen_down": "已下筆。",
        "pen_up": "已提筆。",
        "reads": "模型的判斷",
        "nothing": "還沒有畫任何東西。",
        "verdict": "我認為是 {digit}，機率 {probability}。",
        "probabilities": "十個機率",
        "choose": "點選一個數字，可以看哪些像素支持它，也可以告訴模型正確答案。",
        "why": "哪些像素影響判斷",
        "seen": "模型看到的 28×28 像素圖：{for} 個像素標了加號，{against} 個像素標了減號。",
        "seen_empty": "模型看到的圖：目前是空白的。",
        "centred": "模型看到的樣子：縮放、置中成 28×28 像素，和它學過的數字一樣。",
        "for": "支持 {digit}：{count} 個像素，合計 {sum}",
        "against": "反對 {digit}：{count} 個像素，合計 {sum}",
        "speaks_learned": "每個像素會讓一個數字的分數加上 W · 像素值，其中 (W − W₀) · 像素值是學來的，因為訓練是從"
        "隨機的 W₀ 開始的。圖上標出學到加分最多的二十個像素，以及學到扣分最多的二十個像素。",
        "speaks_weight": "每個像素會讓一個數字的分數加上 W · 像素值，也就是筆畫深淺乘上權重。"
        "圖上標出加分最多的二十個像素，以及扣分最多的二十個像素。（檔案裡沒有訓練起點 W₀。）",
        "speaks_slope": "筆畫深淺乘上分數對像素的斜率，大約就是這個像素對分數的貢獻。圖上標出加分最多的二十個像素，"
        "以及扣分最多的二十個像素。",
        "learn": "學這個字",
        "learn_about": "認錯了嗎？選出正確的數字，讓模型學一次：用你畫的這個字做一步 SGD，學習率 {rate}。",
        "learn_choose": "學這個字：這是幾？",
        "learn_digit": "學這個字：這是 {digit}",
        "choose_first": "請先選出正確的數字。",
        "draw_first": "請先畫一個數字。",
        "forget": "全部忘掉（{steps}）",
        "forgotten": "模型已經回到還沒學你的字之前的樣子。",
        "learned": "第 {steps} 步：這是 {digit}。損失從 {before} 變成 {after}，{digit} 的機率是原來的 {times} 倍。",
        "digit": "數字",
        "before": "之前",
        "after": "之後",
        "change": "變化（百分點）",
        "columns": "W 的變化：每個數字一行，畫成一張圖，並寫出最大的變化。數字 {digit} 的那一行在有筆畫的地方增加；"
        "其他各行減少，減少的幅度和各自的機率成正比。",
        "column": "{digit}：{largest}",
        "arrays": "參數的變化",
        "path": "部分",
        "shape": "形狀",
        "largest": "最大的變化",
        "error_question": "程式看不懂這個網頁送出的資料，請重新載入網頁。",
        "error_empty": "請先畫一個數字。",
        "error_long": "筆畫太多了，請清除後重畫。",
        "error_diverged": "這一步發散了，已經復原：模型和之前一樣。",
        "error_gone": "程式已經結束，請重新啟動：python -m minnet.demo",
    },
}


def language(wanted: str, forced: str | None, accepted: str) -> str:
    """Return the language of a page: of its address, or that the program was started with, or the browser's.

    Parameters
    ----------
    wanted
        The page's own switch, ``?lang=...``.
    forced
        The option ``--lang``; None if it was not given.
    accepted
        The browser's header Accept-Language. English, if it has neither; any Chinese counts as the one there is.
    """
    if wanted in LANGUAGES:
        return wanted
    if forced is not None:
        return forced
    ranked: list[tuple[float, int, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, options = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q=(\d(?:\.\d{1,3})?)\s*", options)
        if (code := tag.lower().partition("-")[0]) in ("en", "zh") and (weight is None or float(weight[1])):
            ranked.append((-float(weight[1]) if weight else -1.0, len(ranked), "zh-TW" if code == "zh" else "en"))
    return min(ranked)[2] if ranked else "en"
