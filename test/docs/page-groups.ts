// Three test files walk the pages, so that two can run at the same time and none takes long.

export function onRedis(page: string): boolean {
  return page.startsWith('docs/redis');
}

export function fromElsewhere(page: string): boolean {
  return page.startsWith('docs/from-');
}
