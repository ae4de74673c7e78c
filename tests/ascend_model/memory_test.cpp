// Capacities, alignments, bytes that nothing has written, and the ranges of global memory.
#include "model_test.hpp"

namespace crestmax_test {
namespace {

struct memory_case {
  TPosition position;
  std::uint32_t bytes_2201, bytes_3510, alignment;
};
constexpr memory_case memories[] = {
    {TPosition::VECIN, 192 * 1024 - 256 - 8 * 1024, 248 * 1024, 32}, {TPosition::A1, 512 * 1024 - 256, 512 * 1024 - 256, 32},
    {TPosition::B1, 512 * 1024 - 256, 512 * 1024 - 256, 32},         {TPosition::A2, 64 * 1024, 64 * 1024, 512},
    {TPosition::B2, 64 * 1024, 64 * 1024, 512},                      {TPosition::CO1, 128 * 1024, 256 * 1024, 64},
};

TEST(AMemory, TakesATensorThatFillsIt) {
  for (const memory_case& m : memories) {
    expect_fine(on_cube([&] { LocalTensor<half>(m.position, 0, m.bytes_2201 / 2); }));
    expect_fine(on_cube([&] { LocalTensor<half>(m.position, 0, m.bytes_3510 / 2); }, {}, target::ascend_3510));
  }
}

TEST(AMemory, TakesNoTensorThatIsTooLongByOne) {
  for (const memory_case& m : memories) {
    expect_error(on_cube([&] { LocalTensor<half>(m.position, 0, m.bytes_2201 / 2 + 1); }), "its memory at");
    expect_error(on_cube([&] { LocalTensor<half>(m.position, 0, m.bytes_3510 / 2 + 1); }, {}, target::ascend_3510), "its memory at");
  }
}

TEST(AMemory, TakesNoTensorOffItsAlignment) {
  for (const memory_case& m : memories) {
    expect_fine(on_cube([&] { LocalTensor<half>(m.position, m.alignment, 16); }));
    expect_error(on_cube([&] { LocalTensor<half>(m.position, m.alignment / 2, 16); }), "is no multiple of");
    expect_error(on_cube([&] { LocalTensor<half>(m.position, m.alignment + 2, 16); }), "is no multiple of");
  }
}

TEST(AnOffsetInATensor, EndsWithIt) {
  expect_fine(on_vector([] { (void)floats(0, 64)[64]; }));
  expect_error(on_vector([] { (void)floats(0, 64)[65]; }), "offset 65 in a tensor of 64 elements");
}

TEST(AnAccess, EndsWithItsTensor) {
  expect_fine(on_vector([] { Duplicate(floats(0, 128)[64], 1.0f, 64); }));
  expect_error(on_vector([] { Duplicate(floats(0, 128)[64], 1.0f, 65); }), "the tensor has 256 B");
}

TEST(ATensorOfAnotherType, HasTheSameBytes) {
  expect_fine(on_vector([] {
    Duplicate(floats(0, 64), 1.0f, 64);
    PipeBarrier<PIPE_V>();
    const LocalTensor<half> h = floats(0, 64).ReinterpretCast<half>();
    EXPECT_EQ(h.GetSize(), 128u);
    Adds(h, h, half(0.0f), 128);
  }));
}

TEST(AVectorOperand, StartsOn32Bytes) {
  expect_error(on_vector([] { Duplicate(floats(0, 128)[4], 1.0f, 64); }), "is no multiple of 32 B");
}

TEST(TheCubeCore, HasNoUnifiedBuffer) {
  std::vector<half> source = numbers_of(64);
  expect_error(on_cube([&] { DataCopy(halves(0, 64), global(source), 64); }, {input(source)}), "this core has no UB");
}

TEST(AVectorCore, HasNoL1) {
  std::vector<half> source = numbers_of(64);
  const auto body = [&] { DataCopy(LocalTensor<half>(TPosition::A1, 0, 64), global(source), 64); };
  expect_fine(on_cube(body, {input(source)}));
  expect_error(on_vector(body, {input(source)}), "this core has no L1");
}

TEST(AMultiply, WritesToWhole1024Bytes) {
  std::vector<half> source(256, half(1.0f));
  const auto at = [&](std::uint32_t address) { return square_fractal(source, address, true); };
  expect_fine(at(1024));
  expect_error(at(64), "is no multiple of 1024 B");
}

TEST(BytesThatNothingHasWritten, MayNotBeRead) {
  expect_error(on_vector([] { Adds(floats(0, 64), floats(256, 64), 1.0f, 64); }), "reads UB at 0x100, which nothing has written");
  expect_error(on_vector([] {
                 Duplicate(floats(256, 64), 1.0f, 63);
                 PipeBarrier<PIPE_V>();
                 Adds(floats(0, 64), floats(256, 64), 1.0f, 64);
               }),
               "reads UB at 0x1fc, which nothing has written");
  expect_fine(on_vector([] {
    Duplicate(floats(256, 64), 1.0f, 63);
    PipeBarrier<PIPE_V>();
    Adds(floats(0, 64), floats(256, 64), 1.0f, 63);
  }));
}

TEST(BytesThatNothingHasWritten, AreForgottenBetweenBlocks) {
  const auto write_in_block = [](std::int64_t block) {
    return launch(
        target::ascend_2201, 2,
        [&] {
          if (ascend_model::is_cube()) return;
          if (GetBlockIdx() / 2 == block) Duplicate(floats(0, 64), 1.0f, 64);
          PipeBarrier<PIPE_V>();
          if (GetBlockIdx() / 2 == 1) Adds(floats(0, 64), floats(0, 64), 1.0f, 64);
        },
        {});
  };
  expect_fine(write_in_block(1));
  expect_error(write_in_block(0), "which nothing has written");
}

TEST(BytesThatNothingHasWritten, FillUpRowsThatDataCopyPadLeavesShort) {
  std::vector<half> source = numbers_of(64);
  const auto reading = [&](std::int32_t elements) {
    return on_vector(
        [&] {
          const LocalTensor<half> u = halves(0, 16);
          DataCopyPad(u, global(source), DataCopyExtParams{1, 20, 0, 0, 0}, DataCopyPadExtParams<half>{});
          hand_over<HardEvent::MTE2_V>();
          Adds(u, u, half(1.0f), elements);
        },
        {input(source)});
  };
  expect_fine(reading(10));
  expect_error(reading(11), "which nothing has written");
}

TEST(BytesThatNothingHasWritten, FillUpTheFractalsOfAProduct) {
  std::vector<half> source(256, half(1.0f));
  std::vector<float> result(16 * 16);
  const auto fixing = [&](std::uint16_t rows) {
    return on_cube(
        [&] {
          const LocalTensor<half> a1(TPosition::A1, 0, 256), a2(TPosition::A2, 0, 256), b2(TPosition::B2, 0, 256);
          const LocalTensor<float> c0(TPosition::CO1, 0, 256);
          DataCopy(a1, global(source), 256);
          hand_over<HardEvent::MTE2_MTE1>();
          LoadData(a2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
          LoadData(b2, a1, LoadData2DParams{0, 1, 1, 0, 0, false, 0});
          hand_over<HardEvent::MTE1_M>();
          Mmad(c0, a2, b2, MmadParams{7, 16, 16, 0, false, true});
          hand_over<HardEvent::M_FIX>();
          Fixpipe(global(result), c0, FixpipeParamsV220{16, rows, 16, 16, false, NoQuant, 0, 1, 0, 0, 0});
        },
        {input(source), output(result)});
  };
  expect_fine(fixing(7));
  expect_error(fixing(8), "reads L0C at 0x1c0, which nothing has written");
}

TEST(GlobalMemory, IsReadOnlyWhereItIsGiven) {
  std::vector<half> source = numbers_of(64), other = numbers_of(64);
  const auto body = [&] { DataCopy(halves(0, 64), global(source), 64); };
  expect_fine(on_vector(body, {input(other, "other"), input(source)}));
  expect_error(on_vector(body, {input(other, "other")}), "outside of all global memory");
}

TEST(GlobalMemory, EndsWithItsRange) {
  std::vector<half> source = numbers_of(64);
  memory_range range = input(source, "key");
  range.bytes -= 2;
  expect_error(on_vector([&] { DataCopy(halves(0, 64), global(source), 64); }, {range}), "reads past the end of key");
}

TEST(GlobalMemory, EndsWithItsTensor) {
  std::vector<half> source = numbers_of(64);
  expect_error(on_vector([&] { DataCopy(halves(0, 64), global(source)[16], 64); }, {input(source)}),
               "past the end of a GlobalTensor of 96 B");
}

TEST(GlobalMemory, IsWrittenOnlyWhereItMayBe) {
  std::vector<float> numbers(64);
  const auto body = [&] {
    Duplicate(floats(0, 64), 1.0f, 64);
    hand_over<HardEvent::V_MTE3>();
    DataCopy(global(numbers), floats(0, 64), 64);
  };
  expect_fine(on_vector(body, {output(numbers)}));
  expect_error(on_vector(body, {input(numbers, "query")}), "writes to query, which is read-only");
}

TEST(GlobalMemory, IsNotReadBeforeItIsWritten) {
  std::vector<float> scratch(64);
  expect_error(on_vector([&] { DataCopy(floats(0, 64), global(scratch), 64); }, {output(scratch, "scratch")}),
               "reads scratch at byte 0, which nothing has written");
}

}  // namespace
}  // namespace crestmax_test
