// Types of the page's data and state, for JSDoc comments. Checked by tsc; not part of the page.

/** [low, high] per axis, in map units. */
export type Box = [number, number][];
/** Centre in map units, and map units per pixel. */
export type View = { x: number; y: number; scale: number };
export type Size = { width: number; height: number };
export type Rect = { left: number; top: number; right: number; bottom: number };
export type Point = [number, number];

/** An event in the history of a story: minutes since 1970, kind, sizes before and after, other. */
export type StoryEvent = [number, string, number, number, string | null];

/** What page_data.py writes: columns of articles (one value per row) and of stories. */
export interface PageData {
  sampled: boolean;
  noise: number;
  total: number;
  home: Box;
  full: Box;
  markerSize: number;
  timeRange: [number, number] | null;
  x: Float32Array;
  y: Float32Array;
  z: Float32Array;
  id: string[];
  title: (string | null)[];
  snippet: (string | null)[];
  url: (string | null)[];
  copies: number[];
  venue: (number | null)[];
  venues: string[];
  language: (number | null)[];
  languages: string[];
  time: (number | null)[];
  suspect: number[];
  story: number[];
  joined: (number | null)[];
  similar: Int32Array;
  storyId: string[];
  storyTitle: string[];
  storyShort: string[];
  storySize: number[];
  storyOutlets: (number | null)[];
  storyCopies: (number | null)[];
  storyKeywords: string[][];
  storyLead: (string | null)[];
  storyKind: (string | null)[];
  storyTopic: number[];
  topics: string[];
  storyFirst: (number | null)[];
  storyLast: (number | null)[];
  storyColour: number[];
  storyBox: Box[];
  storyTrend: number[][];
  storyEvents: StoryEvent[][];
  runs: number[];
  gone: { title: string; event: string; other: string | null }[];
}

/** What the reader has chosen. `from` and `to` are minutes; `outlets` and `languages` are ids. */
export interface Filters {
  story: number;
  query: string;
  outlets: number[];
  languages: number[];
  from: number;
  to: number;
  since: number;
  noise: boolean;
  selection: number[] | null;
}

/** Rows drawn in colour, drawn in grey, listed, listed if dates did not count; articles per story. */
export interface Visible {
  over: number[];
  under: number[];
  focus: number[];
  anytime: number[];
  stories: number[];
}

/** The part of a page's state that its address holds. */
export interface Address {
  story?: string;
  article?: string;
  q?: string;
  from?: number;
  to?: number;
  since?: number;
  outlets?: string[];
  languages?: string[];
  noise?: boolean;
  tab?: string;
  view?: [number, number, number];
  theme?: string;
}

export type Bins = {
  low: number;
  width: number;
  count: number;
  earlier: boolean;
  later: boolean;
  first: number;
  last: number;
};

export type Anchor = { key: string; x: number; y: number; width: number; height: number; rank: number };
export type Placed = Rect & { key: string; leader: [number, number, number, number] | null };
