// fields_test.cc: typed reading, and what is said about the wrong type.
// SPDX-License-Identifier: MIT
#include "handler/fields.h"

#include <gtest/gtest.h>

namespace gc {
namespace {

constexpr std::string_view kObject =
    R"({"s":"x","empty":"","t":true,"i":3,"whole":3.0,"half":0.5,"o":{},"a":[],"n":null,"big":99999999999999999999})";

class FieldsTest : public testing::Test {
 protected:
  FieldsTest() : document_(std::move(*json::Document::Parse(std::string(kObject)))) {}

  // The message of the first error that `read` makes; empty: none.
  template <class Read>
  std::string ErrorOf(Read&& read) {
    FirstError error;
    const FieldPath root;
    const FieldPath list = root.Key("list");
    const FieldPath item = list.Index(2);
    read(Fields(document_.root(), item, &error));
    return error.set() ? error.error().message : "";
  }

  json::Document document_;
};

TEST_F(FieldsTest, ReadsTheRightTypes) {
  EXPECT_EQ(ErrorOf([](const Fields& f) {
              EXPECT_EQ(f.String("s"), "x");
              EXPECT_EQ(f.RequiredString("s"), "x");
              EXPECT_EQ(f.Bool("t"), true);
              EXPECT_EQ(f.Int("i"), 3);
              EXPECT_EQ(f.Int("whole"), 3);
              EXPECT_EQ(f.Number("half", 0, 1)->Text(), "0.5");
              EXPECT_NE(f.Object("o"), nullptr);
              EXPECT_NE(f.Array("a"), nullptr);
            }),
            "");
}

TEST_F(FieldsTest, AbsentAndNullAreNothing) {
  EXPECT_EQ(ErrorOf([](const Fields& f) {
              for (const std::string_view name : {"n", "missing"}) {
                EXPECT_EQ(f.Any(name), nullptr);
                EXPECT_FALSE(f.String(name) || f.Bool(name) || f.Int(name));
                EXPECT_FALSE(f.Number(name, 0, 1) || f.Object(name) || f.Array(name));
              }
            }),
            "");
}

TEST_F(FieldsTest, WrongTypesNameThePath) {
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.String("i"); }), "list[2].i: must be a string");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.Bool("s"); }), "list[2].s: must be true or false");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.Int("half"); }), "list[2].half: must be an integer");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.Int("big"); }), "list[2].big: must be an integer");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.Number("s", 0, 1); }), "list[2].s: must be a number");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.Number("i", 0, 2); }), "list[2].i: is out of range");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.Object("a"); }), "list[2].a: must be an object");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.Array("o"); }), "list[2].o: must be an array");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.RequiredString("n"); }), "list[2].n: is required");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.RequiredString("empty"); }), "list[2].empty: must not be empty");
  EXPECT_EQ(ErrorOf([](const Fields& f) { f.RequiredString("i"); }), "list[2].i: must be a string");
}

TEST_F(FieldsTest, AnObjectMustBeOne) {
  FirstError error;
  const FieldPath root;
  const auto number = json::Document::Parse("3");
  const Fields fields(number->root(), root, &error);
  EXPECT_EQ(fields.Any("s"), nullptr);
  ASSERT_TRUE(error.set());
  EXPECT_EQ(error.error().message, "must be an object");
  EXPECT_EQ(error.error().param, "");
}

TEST(FirstError, TheFirstOneSticks) {
  FirstError error;
  const FieldPath root;
  const FieldPath a = root.Key("a");
  error.Set(ApiErrorKind::kNotImplemented, a.Key("b"), "one");
  error.Invalid(root, "two");
  EXPECT_EQ(error.error().kind, ApiErrorKind::kNotImplemented);
  EXPECT_EQ(error.error().param, "a.b");
  EXPECT_EQ(error.error().message, "a.b: one");
}

}  // namespace
}  // namespace gc
