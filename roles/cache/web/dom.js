// Small helpers for the page's elements.

export const element = (id) => document.getElementById(id);

/** An element with text and children: make("p", {class: "x"}, "text", child). */
export const make = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/**
 * Runs `work` with the newest value only, one run at a time: of those that come during a run the last one is next.
 * Answers when nothing is left to do.
 */
export const newestOnly = (work) => {
  let next = null; // [value]
  let running = null;
  const run = async () => {
    try {
      for (; next; ) {
        const [value] = next;
        next = null;
        await work(value);
      }
    } finally {
      running = null;
    }
  };
  return (value) => {
    next = [value];
    return (running ??= run());
  };
};

/** Runs `work` at most once in `ms`, and once more after the last call; calls during a run wait for its end. */
export const throttled = (work, ms) => {
  let timer = 0;
  let running = false;
  let again = false;
  let last = -Infinity;
  const run = async () => {
    timer = 0;
    running = true;
    last = performance.now();
    try {
      await work();
    } finally {
      running = false;
      if (again) {
        again = false;
        ask();
      }
    }
  };
  const ask = () => {
    if (running) again = true;
    else if (!timer) timer = setTimeout(run, Math.max(0, last + ms - performance.now()));
  };
  return ask;
};
