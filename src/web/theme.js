// The reader's colour scheme, and the colours of the style sheet.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => dark.matches;

export const onThemeChange = (tell) => dark.addEventListener("change", tell);

/** The value of a custom property of the style sheet: colour("--land"). */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const prefersLessMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
