// The ways in which every page is looked at.

const HEIGHTS = { 375: 812, 1280: 800 };

/** A view: a theme, a width in CSS pixels, and whether the page's scripts run. */
export function view(theme, width, scripts = true) {
  return { theme, width, scripts, name: `${theme}-${width}${scripts ? '' : '-without-scripts'}` };
}

/** The views in which a page is checked: both themes, on a telephone and on a desktop. */
export const VIEWS = ['light', 'dark'].flatMap((theme) => [375, 1280].map((width) => view(theme, width)));

/** The options of a browser's context that shows pages so. */
export function contextOptions({ theme, width, scripts }) {
  return {
    colorScheme: theme,
    viewport: { width, height: HEIGHTS[width] },
    javaScriptEnabled: scripts,
    // Whatever the machine is set to.
    locale: 'en-US',
    timezoneId: 'UTC',
  };
}
