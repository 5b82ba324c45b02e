import { onRedis } from './page-groups.ts';
import { walkPages } from './walk-pages.ts';

walkPages(onRedis);
