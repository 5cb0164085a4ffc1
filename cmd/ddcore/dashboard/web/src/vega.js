// Stands for "vega" in the bundle (build.mjs): the parts of it that these charts
// use. Maps, forces, trees, clouds of words and regressions stay out of the page.
import { transforms } from "vega-dataflow";
import * as encode from "vega-encode";
import * as basic from "vega-transforms";
import { extend } from "vega-util";
import * as views from "vega-view-transforms";

extend(transforms, basic, views, encode);

export { parse } from "vega-parser";
export * from "vega-util";
export { View } from "vega-view";
