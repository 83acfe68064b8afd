/** `node_path.cjs` for releases of Node whose hooks run in a thread of their own. */

import { createRequire } from 'node:module';

const { asker, isMissing } = createRequire(import.meta.url)('./node_path.cjs');
let places = [];

export function initialize(data) {
  places = data;
}

export async function resolve(name, context, next) {
  try {
    return await next(name, context);
  } catch (error) {
    if (!isMissing(error, name)) {
      throw error;
    }
    for (const place of places) {
      try {
        return await next(name, { ...context, parentURL: asker(place) });
      } catch (other) {
        if (!isMissing(other, name)) {
          throw other;
        }
      }
    }
    throw error;
  }
}
