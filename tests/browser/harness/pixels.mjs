// What a screenshot looks like.

/** The median brightness of a picture's pixels, from 0 (black) to 1: that of the background, if most is background. */
export async function brightness(browser, png) {
  const context = await browser.newContext();
  try {
    // A page of no server, which may therefore show data and read it back.
    const tab = await context.newPage();
    return await tab.evaluate(async (data) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const drawing = canvas.getContext('2d');
      drawing.drawImage(image, 0, 0);
      const pixels = drawing.getImageData(0, 0, image.width, image.height).data;
      const brightnesses = [];
      for (let at = 0; at < pixels.length; at += 4) {
        brightnesses.push((0.2126 * pixels[at] + 0.7152 * pixels[at + 1] + 0.0722 * pixels[at + 2]) / 255);
      }
      brightnesses.sort((a, b) => a - b);
      return brightnesses[brightnesses.length >> 1];
    }, png.toString('base64'));
  } finally {
    await context.close();
  }
}
