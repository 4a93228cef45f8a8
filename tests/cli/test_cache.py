"""cache: what lies in the disk store."""
import os
import unittest

from command import CommandTest, runnable_targets


class Cache(CommandTest):
    def setUp(self):
        super().setUp()
        self.store = self.folder / "kernels"
        os.environ["SLUICE_CACHE"] = str(self.store)
        self.addCleanup(os.environ.pop, "SLUICE_CACHE")
        self.succeeds("run", "gelu", "--values", "1,2")
        self.succeeds("run", "softmax", "--values", "1,2")
        self.kept = 2 if len(runnable_targets()) > 1 else 0

    def entries(self):
        return sorted(each for each in self.store.iterdir() if len(each.name) == 32)

    def test_info(self):
        out = self.succeeds("cache", "info", "--json").json()
        self.assertEqual(out["entries"], self.kept)
        self.assertEqual(out["bytes"], sum(each.stat().st_size for each in self.entries()))
        self.assertIn(f"{self.kept} entries", self.succeeds("cache", "info").out)

    def test_verify(self):
        out = self.succeeds("cache", "verify", "--json").json()
        self.assertEqual((out["sound"], out["other_builds"], out["damaged"]), (self.kept, 0, []))
        for each in self.entries()[:1]:
            each.write_bytes(each.read_bytes()[:-1])
            found = self.sluice("cache", "verify")
            self.assertEqual(found.code, 1)
            self.assertIn(f"damaged: {each.name}", found.out)
        self.succeeds("run", "gelu", "--values", "1,2")
        self.succeeds("run", "softmax", "--values", "1,2")
        self.succeeds("cache", "verify", "--folder", self.store)

    def test_clear(self):
        other = self.store / "other.txt"
        other.write_text("not a kernel")
        self.assertEqual(self.succeeds("cache", "clear", "--json").json()["removed"], self.kept)
        self.assertEqual(self.entries(), [])
        self.assertTrue(other.exists())

    def test_prewarm(self):
        self.succeeds("cache", "clear")
        listed = self.folder / "list.txt"
        star = self.folder / "star.slu"
        star.write_text("fn star(x) = x * x")
        listed.write_text("# a list\ngelu f32[64] f32[64]\nstar f32[64] f32[64]\n")
        wanted = 2 if self.kept else 0
        out = self.succeeds("cache", "prewarm", listed, "--lib", star, "--json").json()
        self.assertEqual((out["compiled"], out["found"]), (2, 0))
        self.assertEqual(len(self.entries()), wanted)
        out = self.succeeds("cache", "prewarm", listed, "--lib", star)
        self.assertIn(f"{2 - wanted} kernels compiled, {wanted} found", out.out)
        self.fails("cache", "prewarm", listed, says="list.txt:3: ")
        listed.write_text("gelu f32[64] f32\n")
        self.fails("cache", "prewarm", listed, says="list.txt:1: 'f32' is no operand")
        self.fails("cache", "prewarm", self.folder / "none", says="can't be opened")
        self.fails("cache", "prewarm", says="required")

    def test_bad_usage(self):
        self.fails("cache", "verify", "--folder", "/dev/null", says="can't be used")
        self.fails("cache", says="required")
        os.environ["SLUICE_CACHE"] = ""
        self.fails("cache", "info", says="--folder")


if __name__ == "__main__":
    unittest.main()
