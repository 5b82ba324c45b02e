import { fromElsewhere, onRedis } from './page-groups.ts';
import { walkPages } from './walk-pages.ts';

walkPages((page) => !onRedis(page) && !fromElsewhere(page));
