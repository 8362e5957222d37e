// The pictures as one PNG, for a talk or a paper: five in a row, each with its title and words.

const SIDE = 360, GAP = 28, TOP = 60, LINE = 24, LINES = 3, ACROSS = 5;
const TALL = TOP + SIDE + 12 + LINES * LINE + 20;

export async function save() {
  const tiles = [...document.querySelectorAll(".tile")].filter((tile) => !tile.querySelector(".frame > canvas").hidden);
  const canvas = document.createElement("canvas");
  canvas.width = GAP + Math.min(ACROSS, tiles.length) * (SIDE + GAP);
  canvas.height = Math.ceil(tiles.length / ACROSS) * TALL;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const family = getComputedStyle(document.body).fontFamily;
  tiles.forEach((tile, k) => {
    const [x, y] = [GAP + (k % ACROSS) * (SIDE + GAP), Math.floor(k / ACROSS) * TALL];
    context.fillStyle = "#191c20";
    context.font = `600 24px ${family}`;
    context.fillText(tile.querySelector("h2").textContent, x, y + 42);
    for (const layer of tile.querySelectorAll(".frame canvas")) {
      if (layer.width) context.drawImage(layer, x, y + TOP, SIDE, SIDE);
    }
    context.fillStyle = "#575d66";
    context.font = `17px ${family}`;
    lines(context, words(tile)).forEach((text, n) => context.fillText(text, x, y + TOP + SIDE + 30 + n * LINE));
  });
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "iram-explorer.png" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A tile's note, with the ends of its scale. */
function words(tile) {
  const scale = tile.querySelector(".scale");
  const ends = scale ? `${scale.children[0].textContent} to ${scale.children[2].textContent}. ` : "";
  return ends + tile.querySelector(".note").textContent;
}

/** The text in as many lines as it takes, up to LINES. */
function lines(context, text) {
  const found = [""];
  for (const word of text.split(" ")) {
    const longer = `${found.at(-1)} ${word}`.trim();
    if (context.measureText(longer).width <= SIDE) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found.slice(0, LINES);
}
