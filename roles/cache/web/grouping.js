// Counts as groups that do not overlap on the screen.

const GRID = 84; // pixels

export const radiusOf = (count) => Math.min(34, 17 + 4 * Math.log10(Math.max(1, count)));

const merge = (group, other) => {
  const count = group.count + other.count;
  group.x = (group.x * group.count + other.x * other.count) / count;
  group.y = (group.y * group.count + other.y * other.count) / count;
  group.count = count;
  for (const [kind, n] of other.kinds) group.kinds.set(kind, (group.kinds.get(kind) ?? 0) + n);
  const [west, south, east, north] = other.box;
  const box = group.box;
  group.box = [Math.min(box[0], west), Math.min(box[1], south), Math.max(box[2], east), Math.max(box[3], north)];
};

/**
 * Points {lon, lat, box, count, kinds: [[kind, count]…]} as groups {key, x, y, count, kinds: Map, box}; x and y in the
 * pixels that project(lat, lon) gives. The key is that of a place on the screen's grid, the same while the map is panned.
 */
export const groupsOf = (points, project) => {
  const byPlace = new Map();
  for (const { lon, lat, box, count, kinds } of points) {
    if (count === 0) continue;
    const { x, y } = project(lat, lon);
    const key = `${Math.floor(x / GRID)}/${Math.floor(y / GRID)}`;
    const one = { key, x, y, count, kinds: new Map(kinds), box };
    const group = byPlace.get(key);
    if (group) merge(group, one);
    else byPlace.set(key, { ...one, box: [...box] });
  }
  const apart = [];
  for (const group of [...byPlace.values()].sort((a, b) => b.count - a.count)) {
    const near = apart.find((other) => {
      const distance = Math.hypot(other.x - group.x, other.y - group.y);
      return distance < radiusOf(other.count) + radiusOf(group.count) + 2;
    });
    if (near) merge(near, group);
    else apart.push(group);
  }
  return apart;
};
