// Pages are walked by three test files, so that two go on at a time and none takes long.

export function onRedis(page: string): boolean {
  return page.startsWith('docs/redis');
}

export function fromElsewhere(page: string): boolean {
  return page.startsWith('docs/from-');
}
