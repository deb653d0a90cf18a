// Events of an area from the server, page by page.

import { getJson } from "./api.js";

const PAGE = 5000;
const MOST = 20000; // events that a page holds

/**
 * {features, matched, whole}: at most MOST features, how many there are as far as is known (the server leaves it out where
 * counting would cost too much), and whether these are all.
 */
export const fetchEvents = async (query, signal) => {
  const features = [];
  let cursor = "";
  let matched;
  do {
    const page = await getJson("/events", { ...query, limit: PAGE, cursor }, signal);
    features.push(...page.features);
    matched ??= page.numberMatched;
    cursor = page.nextCursor ?? "";
  } while (cursor && features.length < MOST);
  return { features, matched: matched ?? features.length, whole: !cursor };
};
