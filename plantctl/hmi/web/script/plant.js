// The plant as its configuration describes it (GET /api/v1/plant): tags, loops, alarms, chart and displays, indexed.
//
// Everything that the screens draw is generated from this description. What it does not say is not guessed, but for
// one convention of the tag list: instruments with one loop number (40-II-4010, 40-HS-4010) belong to one piece of
// equipment.

const NO_LIMITS = { normal: null, alarms: [], setpoints: [], trips: [] };
const SHOWN_KINDS = new Set(["input", "output", "calculated"]);
const SWITCH = { 0: "off", 1: "on" };

function by(list, key) {
  return new Map((list ?? []).map((entry) => [entry[key], entry]));
}

function gathered(list, keysOf) {
  const map = new Map();
  for (const entry of list ?? []) {
    for (const key of keysOf(entry)) {
      if (!map.has(key)) map.set(key, []);
      map.get(key).push(entry);
    }
  }
  return map;
}

// An output or input of 0 and 1 without words of its own is a switch.
function withSwitch(point) {
  const plain = !point.states && !point.unit && point.low === 0 && point.high === 1 && point.decimals === 0;
  return plain && SHOWN_KINDS.has(point.kind) ? { ...point, states: SWITCH } : point;
}

export class Plant {
  constructor(description) {
    this.description = description;
    this.config = description.config;
    this.name = description.plant?.name ?? "";
    this.text = description.plant?.text ?? "";
    this.simulated = Boolean(description.simulated);
    this.loops = by(description.loops, "loop");
    this.alarms = by(description.alarms, "alarm");
    this.causes = by(description.causes, "cause");
    this.effects = by(description.effects, "effect");
    this.permissives = by(description.permissives, "output");
    this.devices = description.devices ?? [];
    this.feeds = description.feeds ?? [];
    this.laboratory = description.laboratory ?? [];
    this.displays = description.displays ?? [];
    this.alarmsOfTag = gathered(description.alarms, (alarm) => [alarm.tag]);
    this.causesOfTag = gathered(description.causes, (cause) => cause.tags ?? []);
    this.causesOfEffect = gathered(description.causes, (cause) => cause.effects ?? []);
    this.effectsOfOutput = gathered(description.effects, (effect) => [
      ...Object.keys(effect.outputs ?? {}),
      ...Object.keys(effect.scales ?? {}),
    ]);
    this.loopOfTag = new Map();
    for (const loop of this.loops.values()) {
      for (const point of Object.values(loop.points ?? {})) this.loopOfTag.set(point, loop);
    }
    this.points = by((description.tags ?? []).map(withSwitch), "tag");
    this.tags = new Map([...this.points].filter(([, point]) => SHOWN_KINDS.has(point.kind)));
  }

  /** What is known of a tag or point; one without a description has its name alone. */
  tag(name) {
    return this.points.get(name) ?? { tag: name, text: "", unit: "", decimals: 2, low: null, high: null, write: null };
  }

  /** Whether a value holds until it is changed, so that there is nothing between two of them. */
  isHeld(name) {
    const { states, unit, decimals, kind, device, asked_by } = this.tag(name);
    const written = (kind === "input" && !device) || (kind === "output" && asked_by === null);
    return Boolean(states) || (!unit && decimals === 0) || written || this.loopOfTag.get(name)?.points.sp === name;
  }

  display(name) {
    return this.displays.find((display) => display.display === name);
  }

  /** Where a tag is normal, alarms and trips, in its own unit: `{normal: [low, high] | null, alarms, trips}`. */
  limitsOf(name) {
    return this.tag(name).indicator ?? NO_LIMITS;
  }

  /** The tags whose value alone trips a cause: `{tag, sign, limit}`; other conditions have words only. */
  comparisons(cause) {
    return (cause.tags ?? []).flatMap((tag) =>
      this.limitsOf(tag)
        .trips.filter((trip) => trip.cause === cause.cause)
        .map(({ side, limit }) => ({ tag, sign: side === "low" ? "<" : ">", limit })),
    );
  }

  /** The other tags of the same piece of equipment: same area, same loop number, whatever letter follows it. */
  siblings(name) {
    const equipment = (tag) => {
      const match = /^(.*?)[A-Z]+-(\d+)[A-Z]*$/.exec(tag);
      return match ? `${match[1]}${match[2]}` : tag;
    };
    const wanted = equipment(name);
    return [...this.tags.values()].filter((tag) => tag.tag !== name && equipment(tag.tag) === wanted);
  }

  /** Every point that a screen may show, for the one subscription of the page. */
  asked() {
    const names = new Set(this.tags.keys());
    const take = (points) => Object.values(points ?? {}).forEach((point) => point && names.add(point));
    for (const loop of this.loops.values()) {
      take(loop.points);
      names.add(`${loop.loop}.target`);
    }
    for (const alarm of this.alarms.values()) {
      names.add(alarm.tag); // also one about the plant itself: its feeds, its log, its clock
      take(alarm.points);
    }
    for (const cause of this.causes.values()) take(cause.points);
    for (const effect of this.effects.values()) {
      take(effect.points);
    }
    for (const tag of this.tags.values()) if (tag.kind === "output") names.add(`${tag.tag}.source`);
    for (const permissive of this.permissives.values()) {
      names.add(permissive.point);
      for (const condition of permissive.conditions ?? []) condition.point && names.add(condition.point);
    }
    for (const feed of this.feeds) take(feed.points);
    names.add("scan.held");
    return [...names].filter(Boolean);
  }
}
