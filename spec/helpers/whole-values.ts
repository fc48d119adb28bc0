import { config } from "chai";

// Loaded by Mocha before any spec: what is not as expected is shown whole, since a rare failure may not come again.
config.truncateThreshold = 0;
