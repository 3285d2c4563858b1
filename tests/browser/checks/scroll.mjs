// A page never scrolls sideways, and nothing is cut off instead. Parts of it may scroll, such as long expressions, and
// what is cut off may end in an ellipsis.

export const name = 'scroll';

export async function check({ tab }) {
  const problems = await tab.evaluate(() => {
    const root = document.documentElement;
    const width = root.clientWidth;
    const problems = [];
    if (root.scrollWidth > width) {
      problems.push(`The page is ${root.scrollWidth} pixels wide, of which ${width} are visible`);
    }
    const reachable = (element) => {
      for (let outer = element; outer && outer !== document.body; outer = outer.parentElement) {
        const { overflowX, textOverflow } = getComputedStyle(outer);
        if (['auto', 'scroll'].includes(overflowX) || textOverflow === 'ellipsis') {
          return true;
        }
      }
      return false;
    };
    const judge = ({ left, right, height, width: own }, element, what) => {
      const beyond = right > width + 1 || left < -1;
      // What only screen readers are told is a pixel large, and a link that skips the navigation is to the left.
      const visible = own > 1 && height > 1 && right > 0 && element.checkVisibility({ visibilityProperty: true });
      if (beyond && visible && !reachable(element)) {
        problems.push(`${what} reaches from ${Math.round(left)} to ${Math.round(right)} of ${width} pixels`);
      }
    };
    for (const element of document.body.querySelectorAll('*')) {
      judge(element.getBoundingClientRect(), element.parentElement, `An element, ${element.outerHTML.slice(0, 120)},`);
    }
    // Text can be wider than the element that it is in.
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      range.selectNodeContents(node);
      judge(range.getBoundingClientRect(), node.parentElement, `A text, ${node.data.slice(0, 120)},`);
    }
    return problems;
  });
  // One that is too wide makes others so.
  return problems.slice(0, 5);
}
