// The row of pictures as one PNG, for a talk or a paper.

const SIDE = 360, GAP = 28, TOP = 64, BOTTOM = 56;

export async function save() {
  const tiles = [...document.querySelectorAll(".tile")].filter((tile) => !tile.querySelector(".frame > canvas").hidden);
  const canvas = document.createElement("canvas");
  canvas.width = GAP + tiles.length * (SIDE + GAP);
  canvas.height = TOP + SIDE + BOTTOM;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const family = getComputedStyle(document.body).fontFamily;
  tiles.forEach((tile, k) => {
    const x = GAP + k * (SIDE + GAP);
    context.fillStyle = "#191c20";
    context.font = `600 24px ${family}`;
    context.fillText(tile.querySelector("h2").textContent, x, 42, SIDE);
    for (const layer of tile.querySelectorAll(".frame canvas")) {
      if (layer.width) context.drawImage(layer, x, TOP, SIDE, SIDE);
    }
    context.fillStyle = "#575d66";
    context.font = `17px ${family}`;
    context.fillText(tile.querySelector(".note").textContent.split(" · ").pop(), x, TOP + SIDE + 32, SIDE);
  });
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "iram-explorer.png" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
