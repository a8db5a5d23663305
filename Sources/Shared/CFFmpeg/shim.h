#ifndef MEDIA_CFFMPEG_SHIM_H
#define MEDIA_CFFMPEG_SHIM_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/buffer.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

// A cast expression: the importer skips the macro.
static const int64_t shim_nopts = AV_NOPTS_VALUE;

// FFERRTAG expands to nested function-like macros.
static const int shim_error_eof = AVERROR_EOF;

// As above.
static const int shim_error_invalid_data = AVERROR_INVALIDDATA;

// As above.
static const int shim_error_exit = AVERROR_EXIT;

// As above.
static const int shim_error_stream_not_found = AVERROR_STREAM_NOT_FOUND;

// AVERROR is a function-like macro.
static const int shim_error_again = AVERROR(EAGAIN);

// The same for any errno.
static inline int shim_error(int error_number) {
    return AVERROR(error_number);
}

// AVUNERROR is a function-like macro.
static inline int shim_errno(int error_code) {
    return AVUNERROR(error_code);
}

// An array member is imported as a tuple that cannot be indexed by a variable.
static inline uint8_t *shim_frame_plane(const AVFrame *frame, int plane) {
    return frame->data[plane];
}

// As above.
static inline int shim_frame_stride(const AVFrame *frame, int plane) {
    return frame->linesize[plane];
}

// Lays a picture out in one reference-counted buffer: data[] and linesize[] are tuples in Swift.
static inline int shim_frame_fill(AVFrame *frame, AVBufferRef *buffer, int align) {
    frame->buf[0] = buffer;
    return av_image_fill_arrays(
        frame->data, frame->linesize, buffer->data, (enum AVPixelFormat)frame->format, frame->width, frame->height,
        align);
}

// sws_scale wants pointers to the first elements of data[] and linesize[].
static inline int shim_scale(struct SwsContext *scaler, const AVFrame *source, AVFrame *target) {
    return sws_scale(
        scaler, (const uint8_t *const *)source->data, source->linesize, 0, source->height, target->data,
        target->linesize);
}

// swr_convert wants pointers to the sample planes; extended_data may hold more than data[] has room for.
static inline int shim_resample(struct SwrContext *resampler, AVFrame *target, int capacity, const AVFrame *source) {
    return swr_convert(
        resampler, target->extended_data, capacity, source ? (const uint8_t **)source->extended_data : NULL,
        source ? source->nb_samples : 0);
}

// av_audio_fifo_* take void **; the cast is not expressible for an AVFrame's planes.
static inline int shim_fifo_write(AVAudioFifo *fifo, AVFrame *frame, int count) {
    return av_audio_fifo_write(fifo, (void **)frame->extended_data, count);
}

// As above.
static inline int shim_fifo_read(AVAudioFifo *fifo, AVFrame *frame, int count) {
    return av_audio_fifo_read(fifo, (void **)frame->extended_data, count);
}

// A class pointer is the first member of every object that logs; C's way to reach it is a cast.
static inline const char *shim_log_component(void *object) {
    const AVClass *type = object ? *(const AVClass *const *)object : NULL;
    return type ? type->class_name : NULL;
}

// The streams are an array of pointers behind a pointer; bounds are checked once, here.
static inline AVStream *shim_stream(const AVFormatContext *context, int index) {
    return index >= 0 && (unsigned)index < context->nb_streams ? context->streams[index] : NULL;
}

// The format's flags and names sit behind const pointers to structures with private members.
static inline int shim_input_has_discontinuities(const AVFormatContext *context) {
    return context->iformat && (context->iformat->flags & AVFMT_TS_DISCONT) != 0;
}

// The side data of a stream moved from AVStream to its parameters with libavformat 60.15, and left AVStream with 61.
#define SHIM_SIDE_DATA_IN_PARAMETERS (LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100))

// As above: the data of one kind, NULL when there is none.
static inline const uint8_t *shim_stream_side_data(
    const AVStream *stream, enum AVPacketSideDataType type, size_t *size) {
    *size = 0;
#if SHIM_SIDE_DATA_IN_PARAMETERS
    const AVPacketSideData *item = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, type);
    if (!item) return NULL;
    *size = item->size;
    return item->data;
#else
    return av_stream_get_side_data(stream, type, size);
#endif
}

// As above: adds a copy of bytes as side data of one kind.
static inline int shim_stream_add_side_data(
    AVStream *stream, enum AVPacketSideDataType type, const uint8_t *data, size_t size) {
#if SHIM_SIDE_DATA_IN_PARAMETERS
    AVPacketSideData *item = av_packet_side_data_new(
        &stream->codecpar->coded_side_data, &stream->codecpar->nb_coded_side_data, type, size, 0);
    if (!item) return AVERROR(ENOMEM);
    memcpy(item->data, data, size);
#else
    uint8_t *copy = av_stream_new_side_data(stream, type, size);
    if (!copy) return AVERROR(ENOMEM);
    memcpy(copy, data, size);
#endif
    return 0;
}

// As above: all that a copy must keep (rotation among it). avcodec_parameters_copy brings what is in the parameters.
static inline int shim_copy_side_data(AVStream *target, const AVStream *source) {
#if !SHIM_SIDE_DATA_IN_PARAMETERS
    for (int index = 0; index < source->nb_side_data; index++) {
        const AVPacketSideData *item = &source->side_data[index];
        int status = shim_stream_add_side_data(target, item->type, item->data, item->size);
        if (status < 0) return status;
    }
#endif
    return 0;
}

// libavutil 57.30 renamed pkt_duration, and 59 dropped the old name.
static inline int64_t shim_frame_duration(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return frame->duration;
#else
    return frame->pkt_duration;
#endif
}

// As above.
static inline void shim_set_frame_duration(AVFrame *frame, int64_t duration) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    frame->duration = duration;
#else
    frame->pkt_duration = duration;
#endif
}

// libavutil 58.29 made flags of what were fields.
static inline int shim_frame_is_interlaced(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 29, 100)
    return (frame->flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
    return frame->interlaced_frame != 0;
#endif
}

// Metadata of a stream by name; NULL when there is none.
static inline const char *shim_stream_option(const AVStream *stream, const char *name) {
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, name, NULL, 0);
    return entry ? entry->value : NULL;
}

// The index of the used streams of a program is an array behind a pointer.
static inline int shim_program_has_stream(const AVProgram *program, int stream) {
    for (unsigned index = 0; index < program->nb_stream_indexes; index++)
        if (program->stream_index[index] == (unsigned)stream) return 1;
    return 0;
}

// Dolby Vision of profile 5 by the data beside a picture, where a container has no record. libavcodec guesses alike.
static inline int shim_frame_is_dolby_vision_5(const AVFrame *frame) {
    const AVFrameSideData *item = av_frame_get_side_data(frame, AV_FRAME_DATA_DOVI_METADATA);
    if (!item) return 0;
    const AVDOVIRpuDataHeader *header = av_dovi_get_header((const AVDOVIMetadata *)item->data);
    return header->vdr_rpu_profile == 0 && header->bl_video_full_range_flag;
}

// An array of dictionaries, one for each stream, is a pointer to pointers.
static inline int shim_find_stream_info(AVFormatContext *context, const char *max_pixels) {
    unsigned count = context->nb_streams;
    AVDictionary **options = count ? (AVDictionary **)av_calloc(count, sizeof(*options)) : NULL;
    if (count && !options) return AVERROR(ENOMEM);
    for (unsigned index = 0; index < count; index++) {
        av_dict_set(&options[index], "max_pixels", max_pixels, 0);
        av_dict_set(&options[index], "threads", "1", 0);
    }
    int status = avformat_find_stream_info(context, options);
    for (unsigned index = 0; index < count; index++) av_dict_free(&options[index]);
    av_free(options);
    return status;
}

// swr_convert again, from a sample on: the planes are pointers whose elements have the format's size.
static inline int shim_resample_slice(
    struct SwrContext *resampler, AVFrame *target, int capacity, const AVFrame *source, int first, int count) {
    enum AVSampleFormat format = (enum AVSampleFormat)source->format;
    int planes = av_sample_fmt_is_planar(format) ? source->ch_layout.nb_channels : 1;
    size_t step = (size_t)av_get_bytes_per_sample(format)
        * (size_t)(av_sample_fmt_is_planar(format) ? 1 : source->ch_layout.nb_channels);
    const uint8_t *inputs[64];
    if (planes > 64) return AVERROR(EINVAL);
    for (int plane = 0; plane < planes; plane++) inputs[plane] = source->extended_data[plane] + step * (size_t)first;
    return swr_convert(resampler, target->extended_data, capacity, inputs, count);
}

#endif
